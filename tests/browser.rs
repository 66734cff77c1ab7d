//! The picture of a run in a real browser, driven as a reader would: by pointer, keys and links.
//!
//! These tests need Chromium and its driver, and the feature `browser`. Without either they are
//! skipped and say so; where `PERJURY_BROWSER` is set, a browser that is not there is a failure.

#[cfg(not(feature = "browser"))]
#[test]
fn skipped_without_the_feature_browser() {
    eprintln!("skipped: the picture in a browser; `cargo test --features browser` tests it");
}

#[cfg(feature = "browser")]
mod picture;
