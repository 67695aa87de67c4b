//! Short runs of a fleet: the checker finds what was broken on purpose, and nothing where nothing
//! is; and nothing is left of a fleet, however it ended.
#![cfg(target_os = "linux")] // which processes there are is read in /proc

#[path = "../pulse/mod.rs"]
mod pulse;

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use pulse::Pulse;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Little enough for a busy machine.
const SMALL: &[&str] = &["--processes", "3", "--tasks", "8", "--seconds", "5"];

/// Few keys, so that they have many readers; values are read from the servers.
const CHURN: &[&str] = &["--scene", "churn", "--keys", "4", "--l1", "off"];

/// How often it is looked whether processes are there or gone, and how long: 60 s.
const LOOK: Duration = Duration::from_millis(20);
const LOOKS: u32 = 3_000;

/// How many runs may tell nothing.
const RUNS: usize = 5;

#[test]
fn values_change_leaders_and_servers_are_killed_and_no_rule_is_broken() {
    in_time(&[SMALL, &["--keys", "20"]].concat(), is_clean);
}

#[test]
fn nor_is_one_broken_over_files_that_are_removed_meanwhile() {
    let files = [SMALL, &["--keys", "20", "--backend", "file"]].concat();
    in_time(&files, is_clean);
}

#[test]
fn one_cold_key_is_computed_once_for_many_processes_that_share_files() {
    let many = ["--processes", "6", "--tasks", "16", "--backend", "file"];
    let cold = [&["--scene", "cold"], &many as &[_]].concat();
    in_time(&cold, |output| is_clean(output) && is_computed_once(output));
}

#[test]
fn without_cas_numbers_a_key_is_computed_once_and_a_dead_leader_is_replaced() {
    in_time(&churn("memcached-unfenced"), |output| {
        let text = text(output);
        !text.contains("times not once") && !text.contains("times not replaced")
    });
}

#[test]
fn fills_made_blind_are_found_as_stale_values_called_fresh() {
    sooner_or_later("blind", "times not fresh");
}

#[test]
fn leads_that_nobody_keeps_to_are_found_as_stampedes() {
    sooner_or_later("no-leads", "times not once");
}

#[test]
fn peers_read_what_the_same_origin_computes() {
    let few = ["--processes", "2", "--tasks", "4", "--keys", "2"];
    let beside = [&few as &[_], &["--seconds", "1", "--peers"]].concat();
    let peers = ["memcached", "cachekit-rs", "memcache", "dalli"];
    in_time(&beside, |output| {
        let text = text(output);
        peers.iter().all(|peer| reads_and_never_fails(&text, peer))
    });
}

fn reads_and_never_fails(text: &str, peer: &str) -> bool {
    let name = format!("{peer}, peers ");
    let row = text.lines().find_map(|line| line.strip_prefix(&name));
    let cells: Vec<_> = row.unwrap_or_default().split_whitespace().collect();
    matches!(cells[..], [reads, .., "0", _wrong] if reads != "0")
}

#[test]
fn one_cold_key_is_computed_once_for_many_processes() {
    let cold = ["--scene", "cold", "--processes", "6", "--tasks", "16"];
    in_time(&cold, |output| is_clean(output) && is_computed_once(output));
}

#[test]
fn what_the_command_line_cannot_mean_is_answered_with_the_usage() {
    let output = fleet(&["--scene", "hot"]);
    assert_eq!(output.status.code(), Some(2));
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(problem.contains("there is no scene `hot`"), "{problem}");
    assert!(problem.contains("--processes"), "{problem}");
}

#[test]
fn a_worker_that_ends_by_itself_fails_the_run() {
    let parent = command(SMALL).spawn().expect("the bench starts");
    let folder = folder_of(&parent);
    until("it reads", || has_read(&folder));
    let worker = workers_of(&folder).pop().and_then(Pid::from_raw);
    kill_process(worker.expect("a process id"), Signal::ABORT).expect("the process is ours");
    let output = parent.wait_with_output().expect("the process is ours");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(
        text(&output).contains("ended by itself"),
        "{}",
        text(&output)
    );
}

#[test]
fn nothing_is_left_of_a_fleet_whose_parent_was_killed() {
    let mut parent = command(SMALL).spawn().expect("the bench starts");
    let folder = folder_of(&parent);
    until("it has workers", || processes_of(&folder) > 2);
    parent.kill().expect("the process is ours");
    parent.wait().expect("the process is ours");
    // The keeper of the servers removes it after they have ended.
    until("it is cleared away", || {
        !folder.exists() && processes_of(&folder) == 0
    });
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_the_run() {
    for option in ["--history", "--plot"] {
        let output = fleet(&["--seconds", "1000", option, "/nowhere/file"]);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
        let problem = text(&output);
        assert!(
            problem.contains("/nowhere/file cannot be written"),
            "{problem}"
        );
    }
}

#[test]
fn help_is_the_usage_and_no_problem() {
    let output = fleet(&["--help"]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        text(&output).starts_with("usage: fleet"),
        "{}",
        text(&output)
    );
}

/// As ^C does in a terminal.
#[test]
fn nothing_is_left_of_a_fleet_that_is_interrupted() {
    let mut parent = command(SMALL)
        .process_group(0)
        .spawn()
        .expect("the bench starts");
    let folder = folder_of(&parent);
    until("it has workers", || processes_of(&folder) > 2);
    let group = i32::try_from(parent.id()).ok().and_then(Pid::from_raw);
    let group = group.expect("a process id");
    kill_process_group(group, Signal::INT).expect("the processes are ours");
    parent.wait().expect("the process is ours");
    until("it is cleared away", || {
        !folder.exists() && processes_of(&folder) == 0
    });
}

#[test]
fn nothing_is_left_of_a_fleet_that_has_no_servers() {
    let parent = command(SMALL).env("PATH", "").spawn();
    let parent = parent.expect("the bench starts");
    let folder = folder_of(&parent);
    let output = parent.wait_with_output().expect("the process is ours");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    let problem = text(&output);
    assert!(problem.contains("memcached cannot be started"), "{problem}");
    assert!(!folder.exists(), "{problem}");
}

fn churn(backend: &str) -> Vec<&str> {
    [SMALL, CHURN, &["--backend", backend]].concat()
}

fn is_clean(output: &Output) -> bool {
    output.status.success()
}

fn is_computed_once(output: &Output) -> bool {
    text(output).contains("1 computations of 1")
}

/// Runs a fleet, which has to end as `wanted`. A run on a machine that stood still meanwhile, for so
/// long that calls to a store end without an answer, may end otherwise, and is made again.
fn in_time(options: &[&str], wanted: impl Fn(&Output) -> bool) {
    for _ in 0..RUNS {
        let pulse = Pulse::start();
        let output = fleet(options);
        let stood_still = pulse.stood_still();
        if wanted(&output) {
            return;
        }
        let text = text(&output);
        assert!(stood_still, "{text}");
        println!("again, after a pause: {text}");
    }
    panic!("this machine stands still all the time");
}

/// Churns until this is found: where a machine is busy, little happens in a run.
fn sooner_or_later(backend: &str, what: &str) {
    let run = |_| {
        let output = fleet(&churn(backend));
        let found = output.status.code() == Some(1) && text(&output).contains(what);
        if found { Ok(()) } else { Err(text(&output)) }
    };
    let runs: Vec<_> = (0..RUNS).map(run).take_while(Result::is_err).collect();
    assert!(runs.len() < RUNS, "{runs:?}");
}

fn fleet(options: &[&str]) -> Output {
    command(options).output().expect("the bench starts")
}

fn command(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cachekit-bench"));
    command.arg("fleet").args(options);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn text(output: &Output) -> String {
    let [out, error] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{error}")
}

/// Where a fleet has its files, as the arguments of all its processes name it.
fn folder_of(parent: &Child) -> PathBuf {
    std::env::temp_dir().join(format!("cachekit-fleet-{}-0", parent.id()))
}

fn processes_of(folder: &Path) -> usize {
    arguments_of(folder).len()
}

/// Whether one of its workers has written down what it has read.
fn has_read(folder: &Path) -> bool {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let history = |file: &fs::DirEntry| file.path().extension() == Some("history".as_ref());
    let mut histories = files.filter(history);
    histories.any(|file| file.metadata().is_ok_and(|file| file.len() > 0))
}

/// The process ids.
fn workers_of(folder: &Path) -> Vec<i32> {
    let workers = arguments_of(folder).into_iter();
    let workers = workers.filter(|(_, arguments)| arguments.contains("fleet-worker"));
    workers.filter_map(|(id, _)| id.parse().ok()).collect()
}

/// Of each process that names `folder`: its id, and its arguments.
fn arguments_of(folder: &Path) -> Vec<(String, String)> {
    let processes = fs::read_dir("/proc").expect("this is Linux").flatten();
    let arguments = processes.filter_map(|process| {
        let arguments = fs::read_to_string(process.path().join("cmdline")).ok()?;
        Some((process.file_name().into_string().ok()?, arguments))
    });
    let name = folder.to_string_lossy();
    arguments
        .filter(|(_, text)| text.contains(&*name))
        .collect()
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let found = (0..LOOKS).any(|_| {
        std::thread::park_timeout(LOOK);
        is_so()
    });
    assert!(found, "not within {:?}: {what}", LOOK * LOOKS);
}
