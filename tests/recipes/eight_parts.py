"""A campaign in eight parts on HyperQueue, put together again.

    python eight_parts.py PERJURY FOLDER [ARGUMENTS OF perjury fuzz…]

Each task runs the part that HQ_TASK_ID names. Here server and workers are local; on a machine with a
scheduler, `hq submit --array 0-7` does the same with workers wherever they are.
"""

import subprocess
import sys
from pathlib import Path

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig

PARTS = 8


def main() -> int:
    perjury, folder, *campaign = sys.argv[1:]
    folder = Path(folder)
    with LocalCluster(worker_config=WorkerConfig(cores=2)) as cluster:
        # A part that finds something exits with 1; the others go on.
        job = Job(max_fails=None)
        for part in range(PARTS):
            command = [perjury, "fuzz", *campaign, "--shards", str(PARTS), "--jobs", "1", "--json"]
            stdout, stderr = folder / f"{part}.jsonl", folder / f"{part}.log"
            job.program(command, stdout=stdout, stderr=stderr)
        client = cluster.client()
        client.wait_for_jobs([client.submit(job)], raise_on_error=False)
    parts = [str(folder / f"{part}.jsonl") for part in range(PARTS)]
    merge = [perjury, "fuzz", "merge", *parts, "--out", str(folder / "findings")]
    return subprocess.run(merge, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
