//! The commented scenario that `perjury new` begins with.

/// The protocols that there are templates for.
pub const TEMPLATES: [&str; 1] = ["bcr"];

/// A scenario of this protocol in which every section is explained, ready to run.
#[must_use]
pub fn template(protocol: &str) -> Option<&'static str> {
    (protocol == "bcr").then_some(include_str!("template_bcr.toml"))
}
