//! How long to wait before a request is made again.

use std::time::Duration;

use segue_world::{Timestamp, World};

use super::EndpointOptions;
use crate::chat::{ChatError, ChatErrorKind};

/// The wait before attempt number `attempt` (the first retry is 0); `None` if it is not worth waiting.
///
/// Full jitter: drawn evenly from nothing to the doubled base, so that clients that failed together do not
/// come back together. A server that says how long is believed, unless it asks for more than `max_backoff`.
pub(super) fn wait_before_retry(
    options: &EndpointOptions,
    world: &dyn World,
    attempt: u32,
    error: &ChatError,
) -> Option<Duration> {
    let most = options.max_backoff.min(options.backoff.saturating_mul(2_u32.saturating_pow(attempt)));
    let drawn = world.random_u64() as f64 / 2_f64.powi(64);
    let jitter = Duration::try_from_secs_f64(most.as_secs_f64() * drawn).unwrap_or(most);
    match error.kind() {
        ChatErrorKind::RateLimited { retry_after: Some(asked) } => {
            (*asked <= options.max_backoff).then(|| asked.saturating_add(jitter.min(*asked / 10)))
        }
        _ => Some(jitter),
    }
}

/// The header `Retry-After`: seconds, or a date.
pub(super) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds.max(0.0)).ok();
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use segue_world::FixedWorld;

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        for (value, seconds) in [
            ("3", Some(3)),
            (" 0 ", Some(0)),
            ("-5", Some(0)),
            ("Sat, 31 Jan 2026 12:00:07 GMT", Some(7)),
            ("Sat, 31 Jan 2026 11:00:00 GMT", Some(0)),
            ("soon", None),
            ("NaN", Some(0)),
            ("inf", None),
            ("", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn waits_grow_and_are_bounded() {
        let world = FixedWorld::new(Timestamp::UNIX_EPOCH).with_seed(1);
        let options = EndpointOptions::new("http://localhost", "m");
        let cut = ChatError::new(ChatErrorKind::Cut, "");
        for attempt in 0..40 {
            let most = options.max_backoff.min(options.backoff * 2_u32.pow(attempt.min(10)));
            let wait = wait_before_retry(&options, &world, attempt, &cut).unwrap();
            assert!(wait <= most, "{wait:?} > {most:?}");
        }
    }

    #[test]
    fn a_server_that_says_how_long_is_believed_within_reason() {
        let world = FixedWorld::new(Timestamp::UNIX_EPOCH);
        let options = EndpointOptions::new("http://localhost", "m");
        let limited = |seconds| {
            let retry_after = Some(Duration::from_secs(seconds));
            let error = ChatError::new(ChatErrorKind::RateLimited { retry_after }, "");
            wait_before_retry(&options, &world, 0, &error)
        };
        assert!(limited(3).is_some_and(|wait| wait >= Duration::from_secs(3)));
        assert_eq!(limited(3600), None);
    }
}
