//! The picture of a run: one HTML file that opens anywhere and loads nothing.
//!
//! A [`Picture`] is made of the lines of one log, or of two to compare them: the header, the
//! events, the changes of states, the verdict, each in its JSON form, whether they come from a run
//! under way or from a file. Equal content is kept once, in a pool that both runs share.
//!
//! ```
//! use perjury::{run, scenario, view::Picture};
//!
//! let text = "protocol = \"bcr\"\nt = 1\n[[client]]\nworkload = \"put('k','v')\"";
//! let reading = scenario::read("tour", text.as_bytes(), &Default::default());
//! let scenario = reading.scenario.expect("the text above is a scenario");
//! let mut picture = Picture::default();
//! picture.begin("a tour");
//! run::run_told(&scenario, &mut |told| {
//!     picture.take(&told.to_json()).expect("a run tells its events in order");
//! })
//! .expect("it names no choice that could be refused");
//! assert!(picture.page().starts_with("<!doctype html>"));
//! ```
//!
//! In the page, `model.js` unpacks what is packed here, `layout.js` gives every event its place,
//! `past.js` finds what led to what, `draw.js` paints what is visible, `panel.js` and `compare.js`
//! tell in words, and `main.js` listens to the reader. They are plain scripts of one scope; nothing
//! is needed to build them.

mod align;
pub mod export;
mod page;
mod pool;
mod recording;
mod report;

pub use align::{Alignment, Footprint, align};
pub use recording::{Picture, Unfit};
pub use report::{Report, escaped};
