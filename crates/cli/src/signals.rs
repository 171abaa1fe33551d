//! Ctrl-C: stops what is running, not the program's promises.

use segue_agent::Cancellation;
use tokio::task::JoinHandle;

/// While this lives, the first Ctrl-C raises a flag instead of ending the process; a second one ends it.
#[derive(Debug)]
pub(crate) struct Interrupt {
    cancellation: Cancellation,
    listener: JoinHandle<()>,
}

impl Interrupt {
    /// Starts to listen. Must be called within the runtime.
    pub(crate) fn listen() -> Self {
        let cancellation = Cancellation::default();
        let raised = cancellation.clone();
        let listener = tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                raised.cancel();
            }
            if tokio::signal::ctrl_c().await.is_ok() {
                // The work did not stop at once and the user insists: nothing half-written can be seen,
                // because every file is replaced by a rename and every table by a transaction.
                std::process::exit(130);
            }
        });
        Self { cancellation, listener }
    }

    /// The flag.
    pub(crate) fn cancellation(&self) -> &Cancellation {
        &self.cancellation
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        self.listener.abort();
    }
}
