//! How many files programs that serve may have open.

/// How many files a program that serves may have open: a user, a link and a log takes one each.
const FILES: u64 = 4096;

/// Takes as many open files as are needed at most, if they are granted: once they are used up, no
/// node is called any more.
pub(super) fn widen() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let granted = limit.maximum.map_or(FILES, |most| most.min(FILES));
        if limit.current.is_some_and(|current| current < granted) {
            let wider = Rlimit { current: Some(granted), ..limit };
            // Then it stays as it is.
            let _ = setrlimit(Resource::Nofile, wider);
        }
        let current = getrlimit(Resource::Nofile).current;
        if let Some(current) = current.filter(|current| *current < FILES) {
            tracing::warn!(
                "only {current} files may be open, and with all users there are up to {FILES}; \
                 raise the limit: ulimit -n {FILES}"
            );
        }
    }
}
