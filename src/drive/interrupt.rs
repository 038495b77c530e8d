//! Ctrl-C and its relatives. The first asks the run to end resumable, the second leaves at once; only main exits.

use crate::engine::ExitCode;
use std::future::pending;
use std::io;
use tokio::signal::unix;

/// Why somebody wants the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal is gone.
    HangUp,
}

impl Signal {
    /// The exit code that tells of it: 130 for Ctrl-C, 143 for the others, so that scripts have two to know.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Interrupt => ExitCode(130),
            Self::Terminate | Self::HangUp => ExitCode(143),
        }
    }
}

/// Where wishes to leave come from.
#[expect(async_fn_in_trait, reason = "one current-thread runtime; nothing here needs Send")]
pub trait Interrupts {
    /// The next one. Can be dropped and called again without losing one.
    async fn next(&mut self) -> Signal;
}

/// The process's signals.
#[derive(Debug)]
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hang_up: Option<unix::Signal>,
}

impl Signals {
    /// Takes the signals over from the system; from now on none of them ends the process. SIGHUP is left alone when it is ignored
    /// already, which is what `nohup` means.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> io::Result<Self> {
        let hang_up = if ignores_hang_up() { None } else { Some(unix::signal(unix::SignalKind::hangup())?) };
        Ok(Self {
            interrupt: unix::signal(unix::SignalKind::interrupt())?,
            terminate: unix::signal(unix::SignalKind::terminate())?,
            hang_up,
        })
    }
}

impl Interrupts for Signals {
    async fn next(&mut self) -> Signal {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            Some(()) = self.interrupt.recv() => Signal::Interrupt,
            Some(()) = self.terminate.recv() => Signal::Terminate,
            Some(()) = hang_up => Signal::HangUp,
            else => pending().await,
        }
    }
}

/// Nobody ever interrupts: for tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoInterrupts;

impl Interrupts for NoInterrupts {
    async fn next(&mut self) -> Signal {
        pending().await
    }
}

fn ignores_hang_up() -> bool {
    std::fs::read_to_string("/proc/self/status").is_ok_and(|status| mask_has_hang_up(&status))
}

/// SIGHUP is signal 1, the lowest bit of the mask.
fn mask_has_hang_up(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nohup_is_seen_in_the_mask_of_ignored_signals() {
        assert!(mask_has_hang_up("Name:\tplan\nSigIgn:\t0000000000001001\n"));
        assert!(!mask_has_hang_up("SigIgn:\t0000000000001000\nSigCgt:\t0000000000000001\n"));
        assert!(!mask_has_hang_up(""));
    }

    #[tokio::test]
    async fn a_signal_is_told_and_does_not_end_the_process() {
        let mut signals = Signals::listen().unwrap();
        let me = rustix::process::getpid();
        rustix::process::kill_process(me, rustix::process::Signal::TERM).unwrap();
        assert_eq!(signals.next().await, Signal::Terminate);
        rustix::process::kill_process(me, rustix::process::Signal::INT).unwrap();
        assert_eq!(signals.next().await, Signal::Interrupt);
        assert_eq!((Signal::Interrupt.exit_code().0, Signal::HangUp.exit_code().0), (130, 143));
    }
}
