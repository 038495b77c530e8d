//! People's answers: from the command line, from a terminal, or, in the sandbox, given by themselves.

use super::clock::StandStill;
use super::{Approve, Confirmation};
use crate::engine::Approver;
use crate::schedule::{GateId, PhaseId};
use std::collections::BTreeMap;
use std::future::pending;
use std::io::BufRead;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};

/// How often one who says nothing is told what to do.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// A question to be shown; its words are the reporter's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Whether to go on, after the phase that is live already.
    Confirm(Option<PhaseId>),
    /// Whether to roll back, now that this phase failed.
    Rollback(PhaseId),
    /// A gate's question.
    Approve(GateId),
    /// The line was neither yes nor no: ask again.
    Again,
    /// The question was answered from another terminal.
    Elsewhere,
}

/// What the command line and the terminal answer. Silence is never a yes.
pub struct People {
    /// `--yes`: going on is agreed to. Answers no gate, and no question after a failure.
    pub yes: bool,
    /// `--approve GATE=WHO`.
    pub given: BTreeMap<GateId, Approver>,
    /// The terminal, if there is one.
    pub terminal: Option<Terminal>,
}

impl Approve for People {
    async fn confirm(&self, after: Option<PhaseId>) -> Confirmation {
        if self.yes {
            return Confirmation::Yes;
        }
        match &self.terminal {
            Some(terminal) if terminal.ask(Prompt::Confirm(after)).await == Some(true) => Confirmation::Yes,
            _ => Confirmation::No,
        }
    }

    async fn rollback(&self, failed: PhaseId) -> Confirmation {
        match &self.terminal {
            Some(terminal) if terminal.ask(Prompt::Rollback(failed)).await == Some(true) => Confirmation::Yes,
            _ => Confirmation::No,
        }
    }

    async fn approve(&self, gate: GateId) -> (Approver, bool) {
        if let Some(who) = self.given.get(&gate) {
            return (who.clone(), true);
        }
        let Some(terminal) = &self.terminal else { return pending().await };
        match terminal.ask(Prompt::Approve(gate)).await {
            Some(answer) => (terminal.who.clone(), answer),
            // The terminal is gone; the engine's deadline decides.
            None => pending().await,
        }
    }

    fn answered_elsewhere(&self) {
        if let Some(terminal) = &self.terminal {
            (terminal.show)(&Prompt::Elsewhere);
        }
    }
}

/// A person at a terminal.
pub struct Terminal {
    who: Approver,
    show: Box<dyn Fn(&Prompt)>,
    stand_still: bool,
    lines: Mutex<Lines>,
}

/// The terminal's lines, read from when first needed: what is typed for the shell after us is not ours to take.
enum Lines {
    Unread(Option<Box<dyn BufRead + Send>>),
    Reading(mpsc::UnboundedReceiver<String>),
}

impl Terminal {
    /// A terminal of `who`, shown to by `show` and read from `input`. `stand_still`: the clock is paused and must wait for the answer.
    pub fn new(who: Approver, show: Box<dyn Fn(&Prompt)>, input: impl BufRead + Send + 'static, stand_still: bool) -> Self {
        Self { who, show, stand_still, lines: Mutex::new(Lines::Unread(Some(Box::new(input)))) }
    }

    /// Yes or no; `None` when the input ends.
    async fn ask(&self, prompt: Prompt) -> Option<bool> {
        let mut lines = self.lines.lock().await;
        let _held = self.stand_still.then(StandStill::begin);
        (self.show)(&prompt);
        let lines = lines.open();
        // What was typed before the question was not meant for it.
        while lines.try_recv().is_ok() {}
        loop {
            match lines.recv().await?.trim().to_lowercase().as_str() {
                "y" | "yes" => return Some(true),
                "n" | "no" => return Some(false),
                _ => (self.show)(&Prompt::Again),
            }
        }
    }
}

impl Lines {
    fn open(&mut self) -> &mut mpsc::UnboundedReceiver<String> {
        if let Self::Unread(input) = self {
            let (sender, lines) = mpsc::unbounded_channel();
            if let Some(input) = input.take() {
                // Ends with the process: a read that nobody wants any more cannot be taken back from the system.
                std::thread::spawn(move || input.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
            }
            *self = Self::Reading(lines);
        }
        match self {
            Self::Reading(lines) => lines,
            Self::Unread(_) => unreachable!("opened just now"),
        }
    }
}

/// The sandbox's approver when there is no terminal: agrees, under a name that cannot be taken for a person's.
#[derive(Clone, Copy, Debug, Default)]
pub struct Automatic;

impl Approve for Automatic {
    async fn confirm(&self, _after: Option<PhaseId>) -> Confirmation {
        Confirmation::Yes
    }

    async fn rollback(&self, _failed: PhaseId) -> Confirmation {
        // The policy `ask` stops where nobody can be asked, here as there.
        Confirmation::No
    }

    async fn approve(&self, _gate: GateId) -> (Approver, bool) {
        (Approver("sandbox".into()), true)
    }
}

/// What an approver of the sandbox does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Agrees.
    Yes,
    /// Refuses.
    No,
    /// Says nothing for now; it is told again a second later.
    Nothing,
}

/// The sandbox's approver of gates when a fault has a say in it. Everything else is answered as [`Automatic`] does.
pub struct AsTold<F>(pub F);

impl<F: Fn(GateId) -> Told> Approve for AsTold<F> {
    async fn confirm(&self, after: Option<PhaseId>) -> Confirmation {
        Automatic.confirm(after).await
    }

    async fn rollback(&self, failed: PhaseId) -> Confirmation {
        Automatic.rollback(failed).await
    }

    async fn approve(&self, gate: GateId) -> (Approver, bool) {
        let (sandbox, _) = Automatic.approve(gate).await;
        loop {
            match (self.0)(gate) {
                Told::Yes => return (sandbox, true),
                Told::No => return (sandbox, false),
                Told::Nothing => tokio::time::sleep(TOLD_EVERY).await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::io::{BufReader, PipeWriter, Write as _, pipe};
    use std::rc::Rc;

    fn people(terminal: Option<Terminal>) -> People {
        People { yes: false, given: BTreeMap::new(), terminal }
    }

    /// A terminal at which somebody types the next of `answers` whenever asked.
    fn typing(answers: Vec<&'static str>) -> (Terminal, Rc<RefCell<Vec<Prompt>>>) {
        let (reader, writer) = pipe().unwrap();
        let prompts = Rc::new(RefCell::new(Vec::new()));
        let (seen, answers) = (Rc::clone(&prompts), RefCell::new(answers.into_iter()));
        let writer: RefCell<Option<PipeWriter>> = RefCell::new(Some(writer));
        let show = move |prompt: &Prompt| {
            seen.borrow_mut().push(prompt.clone());
            match answers.borrow_mut().next() {
                // After the prompt, as a person would.
                Some(line) => {
                    let mut writer = writer.borrow().as_ref().unwrap().try_clone().unwrap();
                    std::thread::spawn(move || {
                        std::thread::sleep(Duration::from_millis(50));
                        writeln!(writer, "{line}").unwrap();
                    });
                }
                None => drop(writer.borrow_mut().take()),
            }
        };
        (Terminal::new(Approver("ada".into()), Box::new(show), BufReader::new(reader), false), prompts)
    }

    #[tokio::test]
    async fn a_person_is_asked_again_until_the_answer_is_clear() {
        let (terminal, prompts) = typing(vec!["maybe", " YES "]);
        assert_eq!(people(Some(terminal)).approve(GateId(1)).await, (Approver("ada".into()), true));
        assert_eq!(*prompts.borrow(), [Prompt::Approve(GateId(1)), Prompt::Again]);
        let (terminal, _) = typing(vec!["n"]);
        assert_eq!(people(Some(terminal)).confirm(None).await, Confirmation::No);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_answers_a_gate_without_a_terminal_or_when_it_is_gone() {
        let (terminal, _) = typing(Vec::new());
        for terminal in [None, Some(terminal)] {
            let people = People { yes: true, ..people(terminal) };
            assert!(tokio::time::timeout(Duration::from_secs(3600), people.approve(GateId(0))).await.is_err());
        }
    }

    #[tokio::test]
    async fn without_a_terminal_only_the_command_line_answers() {
        assert_eq!(people(None).confirm(None).await, Confirmation::No);
        let given = BTreeMap::from([(GateId(2), Approver("grace".into()))]);
        let people = People { yes: true, given, terminal: None };
        assert_eq!(people.confirm(None).await, Confirmation::Yes);
        assert_eq!(people.approve(GateId(2)).await, (Approver("grace".into()), true));
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_is_told_to_say_nothing_is_told_again() {
        let began = tokio::time::Instant::now();
        let told = AsTold(|_| if began.elapsed() < Duration::from_secs(90) { Told::Nothing } else { Told::No });
        assert_eq!(told.approve(GateId(0)).await, (Approver("sandbox".into()), false));
        assert_eq!(began.elapsed(), Duration::from_secs(90));
    }
}
