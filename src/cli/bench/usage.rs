//! How much of the processors' time a process has had.

use std::fs;
use std::time::Duration;

/// A tick of that clock, on every Linux of the last decades.
const TICK: Duration = Duration::from_millis(10);

/// Since the process began, in user space and in the system; none where nobody tells.
pub(super) fn of(process: u32) -> Option<Duration> {
    read(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// The fourteenth and fifteenth field, counted behind the name, which may have spaces in it.
fn read(text: &str) -> Option<Duration> {
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let [user, system] = [fields.next()?, fields.next()?].map(|field| field.parse::<u32>().ok());
    Some(TICK * user? + TICK * system?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_be_anything() {
        let text = "77 (a ) b) S 1 77 77 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(read(text), Some(Duration::from_secs(3)));
        assert_eq!(read("77 (a"), None);
    }
}
