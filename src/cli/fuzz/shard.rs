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
    let refuse = |reason: String| Err(Failure::Usage(format!("--shards {count}: {reason}")));
    let task = TASKS.iter().find_map(|name| Some((*name, number(name)?)));
    let (name, index) = match task {
        Some((SLURM, task)) => (SLURM, of_array(count, task, &number)?),
        Some(task) => task,
        None => {
            return refuse(format!(
                "none of {} says which part this is; set one, or write --shard INDEX/{count}",
                TASKS.join(", ")
            ));
        }
    };
    if index < count {
        return Ok(Shard { index, count });
    }
    refuse(format!(
        "{name} says that this is task {index}, counted from 0; number the tasks from 0 to {}, or \
         write --shard INDEX/{count}",
        count.saturating_sub(1)
    ))
}

/// Which task of an array this is, from 0. An array of another size is none of these parts: when a
/// single task is made again, its array begins with it, and nothing says which part it was.
fn of_array(count: u64, task: u64, number: &dyn Fn(&str) -> Option<u64>) -> Result<u64, Failure> {
    let refuse = |reason: String| {
        Err(Failure::Usage(format!("--shards {count}: {reason}; write --shard INDEX/{count}")))
    };
    let first = number("SLURM_ARRAY_TASK_MIN").unwrap_or(0);
    let step = number("SLURM_ARRAY_TASK_STEP").unwrap_or(1).max(1);
    if let Some(tasks) = number("SLURM_ARRAY_TASK_COUNT").filter(|tasks| *tasks != count) {
        return refuse(format!(
            "SLURM_ARRAY_TASK_COUNT says that the array has {tasks}, so task {task} may be any part"
        ));
    }
    match task.checked_sub(first) {
        Some(since) => Ok(since / step),
        None => refuse(format!(
            "{SLURM} says that this is task {task}, and SLURM_ARRAY_TASK_MIN that the first is \
             {first}"
        )),
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
        let below = [("SLURM_ARRAY_TASK_ID", "2"), ("SLURM_ARRAY_TASK_MIN", "3")];
        let error = of(8, &below).unwrap_err();
        assert!(error.contains("this is task 2, and SLURM_ARRAY_TASK_MIN that the first is 3"));
        assert!(error.ends_with("write --shard INDEX/8"), "{error}");
    }

    /// A single task that is made again begins its array, whichever part it was.
    #[test]
    fn an_array_of_another_size_does_not_say_which_part_it_is() {
        let alone = [
            ("SLURM_ARRAY_TASK_ID", "3"),
            ("SLURM_ARRAY_TASK_MIN", "3"),
            ("SLURM_ARRAY_TASK_COUNT", "1"),
        ];
        let error = of(8, &alone).unwrap_err();
        assert!(error.contains("the array has 1, so task 3 may be any part"), "{error}");
        assert!(error.ends_with("write --shard INDEX/8"), "{error}");
        let all = [
            ("SLURM_ARRAY_TASK_ID", "7"),
            ("SLURM_ARRAY_TASK_MIN", "1"),
            ("SLURM_ARRAY_TASK_STEP", "2"),
            ("SLURM_ARRAY_TASK_COUNT", "8"),
        ];
        assert_eq!(of(8, &all), Ok(Shard { index: 3, count: 8 }));
    }

    #[test]
    fn an_option_says_it_too() {
        assert_eq!(parsed("7/8").unwrap(), Shard { index: 7, count: 8 });
        for wrong in ["8/8", "1", "a/b", "/", "-1/2"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
