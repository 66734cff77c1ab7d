//! The commented scenario that `perjury new` begins with.

/// The protocols that there are templates for.
pub const TEMPLATES: [&str; 2] = ["bcr", "solo"];

/// A scenario of this protocol in which every section is explained, ready to run.
#[must_use]
pub fn template(protocol: &str) -> Option<&'static str> {
    match protocol {
        "bcr" => Some(include_str!("template_bcr.toml")),
        "solo" => Some(include_str!("template_solo.toml")),
        _ => None,
    }
}
