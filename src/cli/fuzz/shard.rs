//! Which part of a campaign this process runs: told by an option, or by the scheduler of a cluster.

use crate::cli::Failure;
use crate::explore::Shard;

/// Where schedulers say which task of an array this is. Those that run inside of others come first:
/// a HyperQueue worker that is a task of a Slurm array hands on the number of its array too.
const TASKS: [&str; 3] = ["HQ_TASK_ID", "JOB_COMPLETION_INDEX", SLURM];

/// The one whose numbers may begin elsewhere than at 0 and have gaps.
const SLURM: &str = "SLURM_ARRAY_TASK_ID";

/// The part that the options `--shard INDEX/COUNT` and `--shards COUNT` ask for.
pub(super) fn which(shard: Option<&str>, shards: Option<u64>) -> Result<Shard, Failure> {
    match (shard, shards) {
        (Some(text), _) => parsed(text),
        (None, Some(count)) => of_task(count, &variable),
        (None, None) => Ok(Shard::WHOLE),
    }
}

#[expect(clippy::disallowed_methods, reason = "which part is run is no part of a run")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn parsed(text: &str) -> Result<Shard, Failure> {
    let parts = text.split_once('/').map(|(index, count)| (index.parse(), count.parse()));
    match parts {
        Some((Ok(index), Ok(count))) if index < count => Ok(Shard { index, count }),
        _ => Err(Failure::Usage(format!(
            "--shard {text}: write INDEX/COUNT with an index from 0, below the count: 0/8 to 7/8"
        ))),
    }
}

fn of_task(count: u64, variable: &dyn Fn(&str) -> Option<String>) -> Result<Shard, Failure> {
    let number = |name: &str| variable(name)?.trim().parse::<u64>().ok();
    let task = TASKS.iter().find_map(|name| {
        let task = number(name)?;
        if *name != SLURM {
            return Some((name, task));
        }
        let first = number("SLURM_ARRAY_TASK_MIN").unwrap_or(0);
        let step = number("SLURM_ARRAY_TASK_STEP").unwrap_or(1).max(1);
        Some((name, task.checked_sub(first)? / step))
    });
    match task {
        Some((_, index)) if index < count => Ok(Shard { index, count }),
        Some((name, index)) => Err(Failure::Usage(format!(
            "--shards {count}: {name} says that this is task {index}; number the tasks from 0 to \
             {}",
            count.saturating_sub(1)
        ))),
        None => Err(Failure::Usage(format!(
            "--shards {count}: none of {} says which part this is; set one, or write \
             --shard INDEX/{count}",
            TASKS.join(", ")
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: u64, set: &[(&str, &str)]) -> Result<Shard, String> {
        let find = |name: &str| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        of_task(count, &find).map_err(|failure| failure.to_string())
    }

    #[test]
    fn schedulers_say_which_part_it_is() {
        let third = Ok(Shard { index: 3, count: 8 });
        assert_eq!(of(8, &[("HQ_TASK_ID", "3")]), third);
        assert_eq!(of(8, &[("JOB_COMPLETION_INDEX", "3")]), third);
        let slurm = [("SLURM_ARRAY_TASK_ID", "4"), ("SLURM_ARRAY_TASK_MIN", "1")];
        assert_eq!(of(8, &slurm), third);
        let gaps = [("SLURM_ARRAY_TASK_ID", "7"), ("SLURM_ARRAY_TASK_STEP", "2")];
        assert_eq!(of(8, &gaps), third);
        // The workers of HyperQueue stand in an array of their own.
        assert_eq!(of(8, &[("SLURM_ARRAY_TASK_ID", "1"), ("HQ_TASK_ID", "3")]), third);
    }

    #[test]
    fn who_does_not_know_is_told() {
        let error = of(8, &[]).unwrap_err();
        assert!(error.contains("write --shard INDEX/8"), "{error}");
        let error = of(8, &[("HQ_TASK_ID", "8")]).unwrap_err();
        assert!(error.contains("number the tasks from 0 to 7"), "{error}");
    }

    #[test]
    fn an_option_says_it_too() {
        assert_eq!(parsed("7/8").unwrap(), Shard { index: 7, count: 8 });
        for wrong in ["8/8", "1", "a/b", "/", "-1/2"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
