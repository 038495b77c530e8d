//! Answering, from another terminal, the question that a live run asks.

use super::lock::{Key, Lock, LockFolder};
use super::mailbox::{Mailbox, Sent};
use super::{Holder, StoreError, this_user};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A person's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The run that asks.
    pub run: String,
    /// The gate whose question it is.
    pub gate: String,
    /// In whose name.
    pub who: String,
    /// What.
    pub yes: bool,
    host: String,
    pid: u32,
    /// When (RFC 3339).
    when: String,
}

impl Answer {
    /// An answer of this process.
    pub fn of_this_process(run: &str, gate: &str, who: &str, yes: bool) -> Self {
        let (run, gate, who) = (run.to_owned(), gate.to_owned(), who.to_owned());
        Self { run, gate, who, yes, host: this_user().1, pid: std::process::id(), when: Timestamp::now().to_string() }
    }
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The run took it.
    Taken,
    /// The run does not ask that any more, or is over: somebody else was first, or the question's time was over.
    TooLate,
    /// The run did not take it in time. It is withdrawn.
    NotTaken,
}

impl LockFolder {
    /// Gives the run that holds an app an answer, and waits until it took it, for so long. Blocks the thread.
    ///
    /// # Errors
    /// When it cannot be given; the sentence says why.
    pub fn answer(&self, key: &Key, answer: &Answer, wait: Duration) -> Result<Delivered, StoreError> {
        let asks = || match self.holder(key)? {
            Some(Holder::Run(note)) => Ok(note.run == answer.run && note.asks.is_some_and(|asks| asks.gate == answer.gate)),
            // Its note is being written, or cannot be read this instant.
            Some(Holder::Unnamed) => Ok(true),
            Some(Holder::Readers) | None => Ok(false),
        };
        Ok(match Mailbox::new(self, key, KIND).send(answer, wait, asks)? {
            Sent::Heard => Delivered::Taken,
            Sent::Closed => Delivered::TooLate,
            Sent::Unheard => Delivered::NotTaken,
        })
    }
}

impl Lock {
    /// Takes an answer to a gate's question, if there is one.
    pub fn answer(&self, gate: &str) -> Option<Answer> {
        let is_for_us = |answer: &Answer| answer.run == self.note().run && answer.gate == gate;
        Mailbox::new(&self.folder, &self.key, KIND).take(is_for_us)
    }
}

/// The name of its mailbox.
const KIND: &str = "answer";

/// Removes what was left for an earlier holder.
pub(super) fn clear(folder: &LockFolder, key: &Key) {
    Mailbox::new(folder, key, KIND).clear();
}

#[cfg(test)]
mod tests {
    use super::super::{Answered, Attempt, Note};
    use super::*;
    use std::thread::{sleep, spawn};

    const WAIT: Duration = Duration::from_secs(20);

    fn key() -> Key {
        Key::new("http://127.0.0.1:3000", "c1")
    }

    fn asking(folder: &LockFolder) -> Lock {
        let Attempt::Taken(mut lock) = folder.take(&key(), &Note::of_this_process("r1", "plan run")).unwrap() else { panic!("held") };
        lock.asks("go-ahead", "Go on?", Duration::from_secs(600)).unwrap();
        lock
    }

    fn heard(lock: &Lock) -> Answer {
        loop {
            match lock.answer("go-ahead") {
                Some(answer) => return answer,
                None => sleep(Duration::from_millis(5)),
            }
        }
    }

    fn given(who: &str, yes: bool) -> Answer {
        Answer::of_this_process("r1", "go-ahead", who, yes)
    }

    #[test]
    fn the_first_answer_is_taken_and_the_second_comes_too_late() {
        let parent = tempfile::tempdir().unwrap();
        let folder = LockFolder::at(parent.path());
        let mut lock = asking(&folder);
        let send = |answer: Answer| {
            let folder = folder.clone();
            spawn(move || folder.answer(&key(), &answer, WAIT).unwrap())
        };
        let first = send(given("maria", true));
        let answer = heard(&lock);
        assert_eq!((answer.who.as_str(), answer.yes), ("maria", true));
        assert_eq!(first.join().unwrap(), Delivered::Taken);
        // The second one is there before the run has said that it needs none.
        let second = send(given("ada", false));
        sleep(Duration::from_millis(150));
        lock.is_answered(Some(Answered { gate: "go-ahead".to_owned(), by: Some("maria".to_owned()), yes: true })).unwrap();
        assert_eq!(second.join().unwrap(), Delivered::TooLate);
        assert_eq!(lock.answer("go-ahead"), None, "it is withdrawn");
        let (_, note) = folder.at_work().unwrap().remove(0);
        assert_eq!((note.asks, note.answered[0].by.as_deref()), (None, Some("maria")));
    }

    #[test]
    fn what_is_for_another_run_or_gate_is_no_answer() {
        let parent = tempfile::tempdir().unwrap();
        let folder = LockFolder::at(parent.path());
        let answer = given("ada", true);
        assert_eq!(folder.answer(&key(), &answer, WAIT).unwrap(), Delivered::TooLate, "nobody is at work");
        let lock = asking(&folder);
        for answer in [Answer { run: "r2".to_owned(), ..answer.clone() }, Answer { gate: "other".to_owned(), ..answer.clone() }] {
            assert_eq!(folder.answer(&key(), &answer, WAIT).unwrap(), Delivered::TooLate);
            // What somebody left who was killed before taking it back.
            std::fs::write(folder.path(&key(), "answer"), serde_json::to_vec(&answer).unwrap()).unwrap();
            assert_eq!((lock.answer("go-ahead"), folder.path(&key(), "answer").exists()), (None, false));
        }
        assert_eq!(folder.answer(&key(), &answer, Duration::ZERO).unwrap(), Delivered::NotTaken);
        assert_eq!(lock.answer("go-ahead"), None, "what was not taken is withdrawn");
        std::fs::write(folder.path(&key(), "answer"), b"{").unwrap();
        assert_eq!((lock.answer("go-ahead"), folder.path(&key(), "answer").exists()), (None, false));
        drop(lock);
        assert_eq!(folder.at_work().unwrap(), []);
    }
}
