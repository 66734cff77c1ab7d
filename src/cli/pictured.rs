//! What a report shows of a run: its picture in a folder beside the page, its messages, its
//! scenario.

use std::path::{Path, PathBuf};

use crate::scenario::{Scenario, to_toml};
use crate::view::export::{Form, write};
use crate::view::{Picture, Report};

use super::Failure;
use super::export::events_of;
use super::place::store;
use super::view::draw;

/// Adds a scenario to the report that is going to be this page, under a name that no other has.
pub(super) fn show(
    page: &Path,
    name: &str,
    scenario: &Scenario,
    report: &mut Report,
) -> Result<(), Failure> {
    let folder = folder(page);
    let mut picture = Picture::default();
    draw(&mut picture, (name, ""), scenario, &mut |_| Ok(()))?;
    store(&folder.join(format!("{name}.html")), &picture.page())?;
    let beside = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    report.link(&format!("{}/{}.html", in_link(&beside), in_link(name)), "The picture of the run");
    report.hidden_lines("The messages", &write(&events_of(scenario, name)?, Form::Sequence));
    report.hidden_lines("The scenario", &to_toml(scenario));
    Ok(())
}

/// A name as a link has it.
fn in_link(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let shown = name.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    shown.collect()
}

/// The folder with the pictures of a page.
fn folder(page: &Path) -> PathBuf {
    let stem = page.file_stem().unwrap_or_default().to_string_lossy();
    page.with_file_name(format!("{stem}-pictures"))
}
