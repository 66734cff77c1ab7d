//! The real clocks, behind the same two numbers that the simulator tells.

use std::sync::LazyLock;

use tokio::time::Instant;

use crate::time::Now;

/// Tells the time since a common beginning, and of the calendar.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    began: Instant,
    /// What the calendar said then.
    origin_ns: u64,
}

impl Clock {
    /// One whose monotonic time begins now. All nodes of one program share it.
    pub(super) fn start() -> Clock {
        Clock { began: Instant::now(), origin_ns: wall_ns() }
    }

    /// One whose monotonic time begins when the calendar says that; up to then it is 0.
    pub(super) fn start_at(origin_ns: u64) -> Clock {
        let (now, today_ns) = (Instant::now(), wall_ns());
        let until = std::time::Duration::from_nanos(origin_ns.saturating_sub(today_ns));
        let since = std::time::Duration::from_nanos(today_ns.saturating_sub(origin_ns));
        let began = now.checked_sub(since).unwrap_or(now) + until;
        Clock { began, origin_ns }
    }

    /// Whether monotonic time has begun.
    pub(super) fn has_begun(&self) -> bool {
        Instant::now() >= self.began
    }

    /// What the calendar said when monotonic time began. Tells the processes of one program from
    /// those of others, and lays the times of several beside each other.
    pub(super) fn origin_ns(&self) -> u64 {
        self.origin_ns
    }

    /// Both clocks.
    pub(super) fn now(&self) -> Now {
        Now { monotonic_ns: nanoseconds(self.began.elapsed()), wall_ns: wall_ns() }
    }

    /// When the monotonic clock shows this.
    pub(super) fn at(&self, monotonic_ns: u64) -> Instant {
        self.began + std::time::Duration::from_nanos(monotonic_ns)
    }
}

/// Nanoseconds since the program first asked, to measure how long something takes.
pub(super) fn elapsed_ns() -> u64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    nanoseconds(BEGAN.elapsed())
}

/// Nanoseconds since 1970, as this machine has it.
pub fn wall_ns() -> u64 {
    #[expect(clippy::disallowed_types, reason = "this is where the time that comes in is read")]
    let since = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    since.map_or(0, nanoseconds)
}

fn nanoseconds(length: std::time::Duration) -> u64 {
    u64::try_from(length.as_nanos()).unwrap_or(u64::MAX)
}

/// Until then; for ever, if there is no such time.
pub(super) async fn sleep_until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}
