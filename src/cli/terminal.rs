//! How much is said on standard error, and in which colour: one place for `--quiet`, `--verbose`, `--color`, `NO_COLOR`,
//! progress bars and the time that stages take.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Flags that every command has.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Flags {
    /// Say only what was asked for, and what is wrong.
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Say on standard error what is read and compiled, and how long each stage takes.
    #[arg(long, short, global = true)]
    verbose: bool,
    /// Colours: auto is on a terminal, unless NO_COLOR is set.
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto", hide_possible_values = true)]
    color: Color,
}

/// When there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Everywhere.
    Always,
    /// Nowhere.
    Never,
}

/// How this run of the program speaks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terminal {
    /// Only what was asked for, and what is wrong.
    pub quiet: bool,
    /// Stages and their times, too.
    pub verbose: bool,
    /// Colours on standard error.
    pub color: bool,
}

static TERMINAL: OnceLock<Terminal> = OnceLock::new();

/// The terminal of this run; that of no flags before they were read.
pub fn terminal() -> Terminal {
    TERMINAL.get().copied().unwrap_or_else(|| Terminal::new(Flags::default()))
}

/// Takes over what the command line says.
pub fn set(flags: Flags) {
    // A second call would come from nowhere: the first stands.
    let _ = TERMINAL.set(Terminal::new(flags));
}

impl Terminal {
    fn new(flags: Flags) -> Self {
        // https://no-color.org: set, and not empty.
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = match flags.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => io::stderr().is_terminal() && !no_color,
        };
        Self { quiet: flags.quiet, verbose: flags.verbose, color }
    }

    /// A bar for `len` of `unit`, with the time left; hidden when quiet, without a terminal and in CI. `silent` hides it,
    /// too, as for `--json`.
    pub fn progress(self, len: u64, unit: &str, silent: bool) -> ProgressBar {
        let ci = std::env::var_os("CI").is_some();
        let hidden = self.quiet || silent || ci || !io::stderr().is_terminal();
        let target = if hidden { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(len), target);
        let template = format!("{{msg}} {{bar:32}} {{pos}}/{{len}} {unit}, {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }

    /// Begins a stage of the work.
    pub fn stage(self, name: &'static str) -> Stage {
        Stage { name, said: self.verbose, began: Instant::now() }
    }
}

/// A stage of the work, under way.
#[must_use = "a stage is told when it is done"]
pub struct Stage {
    name: &'static str,
    said: bool,
    began: Instant,
}

impl Stage {
    /// Says, with `--verbose`, how long it took and what came of it.
    pub fn done(self, what: impl FnOnce() -> String) {
        if self.said {
            let ms = self.began.elapsed().as_secs_f64() * 1000.0;
            eprintln!("{:>10}  {ms:>9.2} ms  {}", self.name, what());
        }
    }
}
