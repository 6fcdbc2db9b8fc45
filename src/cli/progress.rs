//! A progress bar for long work, with the time left.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over `total` of `what` on standard error; not to be seen when `quiet`, in CI or without a terminal.
pub fn bar(total: u64, what: &str, quiet: bool) -> ProgressBar {
    let quiet = quiet || std::env::var_os("CI").is_some() || !std::io::stderr().is_terminal();
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    if let Ok(style) = ProgressStyle::with_template(&format!("{{msg}} {{bar:32}} {{pos}}/{{len}} {what}, {{eta}} left"))
    {
        bar.set_style(style);
    }
    if !quiet {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}
