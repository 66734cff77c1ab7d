//! The keys of the course format: their own names, the names that others gave them, and the keys
//! of other programs that mean nothing here.

use crate::fault::text::snake;

/// What a key says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Meaning {
    Name,
    T,
    Clients,
    Replicas,
    ClientTimeout,
    HeadTimeout,
    NonheadTimeout,
    OlympusTimeout,
    Checkpoint,
    Workload,
    Failures,
    Hosts,
    ClientHosts,
    ReplicaHosts,
    OlympusHost,
    Dictionary,
    Results,
    /// Something for another program.
    Ignored,
}

/// One key.
pub(super) struct CourseKey {
    pub(super) name: &'static str,
    aliases: &'static [&'static str],
    /// How many indices it may have.
    pub(super) indices: &'static [usize],
    pub(super) usage: &'static str,
    /// For a key that is not used: why not.
    pub(super) about: &'static str,
    pub(super) meaning: Meaning,
}

const fn plain(
    name: &'static str,
    aliases: &'static [&'static str],
    usage: &'static str,
    meaning: Meaning,
) -> CourseKey {
    CourseKey { name, aliases, indices: &[0], usage, about: "", meaning }
}

const fn indexed(
    name: &'static str,
    aliases: &'static [&'static str],
    indices: &'static [usize],
    usage: &'static str,
    meaning: Meaning,
) -> CourseKey {
    CourseKey { name, aliases, indices, usage, about: "", meaning }
}

const fn ignored(name: &'static str, about: &'static str) -> CourseKey {
    CourseKey { name, aliases: &[], indices: &[], usage: "", about, meaning: Meaning::Ignored }
}

const SIMULATED: &str = "the run is simulated and its log goes where the command line says";
const OWN_RULES: &str = "retransmission follows the protocol: client_timeout is its only knob";

static KEYS: &[CourseKey] = &[
    plain("test_case_name", &["name", "test_name"], "test_case_name = name", Meaning::Name),
    plain("t", &["num_failures", "max_failures"], "t = 1", Meaning::T),
    plain("num_client", &["num_clients"], "num_client = 1", Meaning::Clients),
    plain("num_replica", &["num_replicas"], "num_replica = 3", Meaning::Replicas),
    plain("client_timeout", &[], "client_timeout = 3000", Meaning::ClientTimeout),
    plain("head_timeout", &[], "head_timeout = 3000", Meaning::HeadTimeout),
    plain(
        "nonhead_timeout",
        &["non_head_timeout"],
        "nonhead_timeout = 3000",
        Meaning::NonheadTimeout,
    ),
    plain("olympus_timeout", &[], "olympus_timeout = 3000", Meaning::OlympusTimeout),
    plain(
        "checkpt_interval",
        &[
            "checkpoint_interval",
            "checkpoint_num",
            "checkpoint_trigger",
            "checkpoint_limit",
            "checkpt_num",
            "checkpt_trigger",
            "checkpt_limit",
        ],
        "checkpt_interval = 10",
        Meaning::Checkpoint,
    ),
    indexed("workload", &["workloads"], &[1], "workload[0] = get('k')", Meaning::Workload),
    indexed(
        "failures",
        &["failure"],
        &[2],
        "failures[0,1] = shuttle(0,1), drop()",
        Meaning::Failures,
    ),
    plain("hosts", &[], "hosts = localhost; localhost", Meaning::Hosts),
    plain("client_hosts", &["client_host"], "client_hosts = 0; 1", Meaning::ClientHosts),
    plain("replica_hosts", &["replica_host"], "replica_hosts = 0; 1; 1", Meaning::ReplicaHosts),
    plain("olympus_host", &["olympus_hosts"], "olympus_host = 0", Meaning::OlympusHost),
    indexed(
        "test_dict",
        &["test_workload", "expected_dict", "expected_dictionary"],
        &[0, 1],
        "test_dict = {'movie':'star'}",
        Meaning::Dictionary,
    ),
    indexed(
        "expectedResult",
        &["expected_result", "expected_results"],
        &[0, 1],
        "expectedResult[0] = OK; star",
        Meaning::Results,
    ),
    ignored("logfile_path", SIMULATED),
    ignored("logfile_name", SIMULATED),
    ignored("log_file", SIMULATED),
    ignored("log_level", SIMULATED),
    ignored("multi_host", SIMULATED),
    ignored("client_retransmission_timeout", OWN_RULES),
    ignored("max_retransmission_counter", OWN_RULES),
    ignored("retransmission_case_replica_sleep_time", "write a sleep() among the failures instead"),
    ignored("client_dict_validation_flag", "every run is judged; write test_dict for more"),
    ignored("result", "write test_dict = {…} for the final dictionary"),
    ignored("pseudorandom_workload", "pseudorandom(seed,count) draws from this program's own pool"),
    ignored("test_case", "test_case_name gives the scenario its name"),
];

/// A key, and whether it was called by another name than its own.
pub(super) struct Found {
    pub(super) key: &'static CourseKey,
    pub(super) is_alias: bool,
}

/// The key that is called so.
pub(super) fn find(written: &str) -> Option<Found> {
    if let Some(key) = KEYS.iter().find(|key| key.name == written) {
        return Some(Found { key, is_alias: false });
    }
    let name = snake(written);
    let called = |key: &&CourseKey| key.name == name || key.aliases.contains(&name.as_str());
    KEYS.iter().find(called).map(|key| Found { key, is_alias: true })
}

/// The names of the keys that mean something.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter(|key| key.meaning != Meaning::Ignored).map(|key| key.name)
}

/// Whether only the course format has a key of this name.
pub(super) fn is_telling(written: &str) -> bool {
    let shared = ["t", "name", "hosts", "client", "failure", "network"];
    find(written).is_some_and(|found| !shared.contains(&written) && found.key.name != "t")
}
