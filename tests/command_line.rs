//! The command line's conveniences from the outside: help, init, completions, manual pages, quiet, verbose, colours.

#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::Path;
use std::process::Output;

use assert_cmd::Command;

fn phasorbench(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::cargo_bin("phasorbench").unwrap();
    command.current_dir(dir).args(args).env_remove("NO_COLOR").output().unwrap()
}

fn here(args: &[&str]) -> Output {
    phasorbench(Path::new(env!("CARGO_MANIFEST_DIR")), args)
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Names of all commands, from the program's own help.
fn commands() -> Vec<String> {
    let help = out(&here(&["--help"]));
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap().to_owned();
    let names: Vec<String> = list.lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect();
    assert!(names.len() > 8 && names.contains(&"run".to_owned()), "{names:?}");
    names.into_iter().filter(|name| name != "help").collect()
}

#[test]
fn without_a_command_a_newcomer_is_shown_where_to_begin() {
    let output = here(&[]);
    assert_eq!(output.status.code(), Some(2));
    for command in ["phasorbench init", "phasorbench run", "phasorbench powerflow", "phasorbench --help"] {
        assert!(err(&output).contains(command), "{command}");
    }
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in commands() {
        let output = here(&[&command, "--help"]);
        assert!(output.status.success());
        let help = out(&output);
        assert!(help.contains(&format!("\n  phasorbench {command}")), "{command} has no example:\n{help}");
    }
}

#[test]
fn a_misspelt_command_is_answered_with_the_nearest() {
    let output = here(&["powerflw"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(err(&output).contains("'powerflow'"), "{}", err(&output));
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = here(&["completions", shell]);
        assert!(output.status.success());
        let script = out(&output);
        for command in commands() {
            assert!(script.contains(&command), "{shell} does not know {command}");
        }
        assert!(script.contains("tolerance-pu"), "{shell} does not know the options");
    }
    assert_eq!(here(&["completions", "cmd"]).status.code(), Some(2));
}

#[test]
fn every_command_has_a_manual_page() {
    let dir = tempfile::tempdir().unwrap();
    assert!(phasorbench(dir.path(), &["man", "--out", "man1"]).status.success());
    let page =
        |name: &str| fs::read_to_string(dir.path().join("man1").join(name)).unwrap_or_else(|_| panic!("no {name}"));
    assert!(page("phasorbench.1").contains(".TH phasorbench 1"));
    for command in commands() {
        let text = page(&format!("phasorbench-{command}.1"));
        assert!(text.contains(".SH SYNOPSIS") && text.contains("quiet"), "{command}");
        assert_eq!(out(&here(&["man", &command])), text, "printed as written");
    }
    let unknown = here(&["man", "rum"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(err(&unknown).contains("did you mean \"run\"?"), "{}", err(&unknown));
}

#[test]
fn what_init_writes_is_sound_and_runs() {
    let dir = tempfile::tempdir().unwrap();
    let output = phasorbench(dir.path(), &["init", "demo"]);
    assert!(output.status.success(), "{}", err(&output));
    assert!(out(&output).contains("phasorbench run demo.yaml"));
    let check = phasorbench(dir.path(), &["check", "demo.yaml", "demo_feeder.yaml"]);
    assert!(check.status.success(), "{}", err(&check));
    assert_eq!(err(&check), "", "not even a warning");
    let run = phasorbench(dir.path(), &["run", "demo.yaml", "--json"]);
    assert!(run.status.success(), "{}", err(&run));
    let said: serde_json::Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!((&said["summary"]["status"], &said["summary"]["steps"]), (&"converged".into(), &144.into()));
    assert!(said["summary"]["voltage"]["de_energised_nodes_max"].as_u64() > Some(0), "an event opens a switch");
    let below = phasorbench(dir.path(), &["init", "studies/first.yaml", "--quiet"]);
    assert_eq!(out(&below).trim(), "studies/first.yaml");
    assert!(phasorbench(dir.path(), &["check", "studies/first.yaml"]).status.success());
}

#[test]
fn init_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for there in ["demo.yaml", "demo_feeder.yaml"] {
        fs::write(dir.path().join(there), "mine").unwrap();
        let output = phasorbench(dir.path(), &["init", "demo"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(err(&output).contains("error[E0408]"), "{}", err(&output));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else was written");
        assert_eq!(fs::read_to_string(dir.path().join(there)).unwrap(), "mine");
        fs::remove_file(dir.path().join(there)).unwrap();
    }
    for name in ["", "..", "a b", "ü", ".hidden", "x/"] {
        let output = phasorbench(dir.path(), &["init", name]);
        let refused = output.status.code() == Some(2);
        assert!(refused || name == "x/", "{name:?}: {}", err(&output));
    }
}

#[test]
fn verbose_tells_stages_and_quiet_tells_nothing() {
    let verbose = here(&["powerflow", "feeders/ieee13.yaml", "--verbose"]);
    for what in ["read", "compile", "41 nodes", "solve", "iterations", " ms "] {
        assert!(err(&verbose).contains(what), "{what}: {}", err(&verbose));
    }
    let plain = here(&["powerflow", "feeders/ieee13.yaml"]);
    assert_eq!(err(&plain), "");
    assert_eq!(out(&plain), out(&verbose), "only standard error differs");
    let quiet = here(&["check", "feeders/ieee13.yaml", "-q"]);
    assert_eq!((out(&quiet).as_str(), err(&quiet).as_str()), ("", ""));
    assert_eq!(here(&["-q", "-v", "check", "feeders/ieee13.yaml"]).status.code(), Some(2));
}

#[test]
fn colours_are_as_asked_for() {
    let colored = |args: &[&str], no_color: Option<&str>| {
        let mut command = Command::cargo_bin("phasorbench").unwrap();
        command.args(["check", "nowhere.yaml"]).args(args).env_remove("NO_COLOR");
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        err(&command.output().unwrap()).contains('\u{1b}')
    };
    assert!(!colored(&[], None), "no colours where there is no terminal");
    assert!(colored(&["--color", "always"], None));
    assert!(colored(&["--color=always"], Some("1")), "what is asked for on the command line stands");
    assert!(!colored(&["--color", "never"], None));
}

#[test]
fn the_version_tells_the_commit_of_a_checkout() {
    let version = out(&here(&["--version"]));
    assert!(version.starts_with(concat!("phasorbench ", env!("CARGO_PKG_VERSION"))));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let in_checkout = root.join(".git").exists() && std::process::Command::new("git").arg("--version").output().is_ok();
    assert!(!in_checkout || version.contains("(commit "), "{version}");
}
