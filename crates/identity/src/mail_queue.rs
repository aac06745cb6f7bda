//! Mails that nobody waits for: how long one takes must not tell whether there was one to be sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use crate::mail::{MailError, Mailer};

/// Mails that wait at most. More are refused, and whoever asked for one asks again.
const WAITING: usize = 1_000;
/// Mails that wait in one lane: a flood for one tenant leaves room for the others.
const WAITING_IN_LANE: usize = 200;
/// Mails that are sent at once: one that has to wait keeps no other.
const AT_ONCE: usize = 8;
/// Pauses before a mail is tried again.
const PAUSES: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
];

/// A mail to one address.
pub struct Mail {
    /// The address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// A queue of mails, which ends with the process: a mail in it may be lost, and can be asked for again.
#[derive(Clone, Debug)]
pub struct MailQueue {
    sender: mpsc::Sender<(Mail, Place)>,
    lanes: Lanes,
}

/// How many mails wait in each lane.
type Lanes = Arc<Mutex<HashMap<String, usize>>>;

/// A mail's place in its lane, which it gives up when it is sent or given up.
#[derive(Debug)]
struct Place {
    lanes: Lanes,
    lane: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = lanes.get_mut(&self.lane) {
            *count -= 1;
            if *count == 0 {
                lanes.remove(&self.lane);
            }
        }
    }
}

/// Room for one mail: whoever has it can put the mail without being refused.
#[derive(Debug)]
pub struct Room {
    permit: mpsc::OwnedPermit<(Mail, Place)>,
    place: Place,
}

impl Room {
    /// Puts the mail into the queue.
    pub fn put(self, mail: Mail) {
        let _ = self.permit.send((mail, self.place));
    }
}

impl MailQueue {
    /// Makes a queue, and the work that sends what is put into it, for as long as the queue is in use.
    pub fn new(mailer: Arc<Mailer>) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, waiting) = mpsc::channel::<(Mail, Place)>(WAITING);
        let mails = stream::unfold(waiting, async |mut waiting| {
            let mail = waiting.recv().await?;
            Some((mail, waiting))
        });
        let work = mails.for_each_concurrent(AT_ONCE, move |(mail, _place)| {
            let mailer = Arc::clone(&mailer);
            async move { send(&mailer, &mail).await }
        });
        let lanes = Lanes::default();
        (Self { sender, lanes }, work)
    }

    /// Keeps room for a mail in a lane, before anything is done that the mail tells of. None says that too many wait.
    #[must_use]
    pub fn room(&self, lane: &str) -> Option<Room> {
        let place = self.place(lane)?;
        let permit = self.sender.clone().try_reserve_owned().ok()?;
        Some(Room { permit, place })
    }

    fn place(&self, lane: &str) -> Option<Place> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let count = lanes.entry(lane.to_owned()).or_default();
        if *count >= WAITING_IN_LANE {
            return None;
        }
        *count += 1;
        Some(Place {
            lanes: Arc::clone(&self.lanes),
            lane: lane.to_owned(),
        })
    }
}

async fn send(mailer: &Mailer, mail: &Mail) {
    let mut pauses = PAUSES.iter();
    loop {
        let error = match mailer.send(&mail.to, &mail.subject, &mail.text).await {
            Ok(()) => return,
            Err(error) => error,
        };
        let pause = pauses.next().filter(|_| is_passing(&error));
        let Some(pause) = pause else {
            tracing::error!(error = %error, "a mail could not be sent");
            return;
        };
        tokio::time::sleep(*pause).await;
    }
}

/// Whether the same mail may go another time.
const fn is_passing(error: &MailError) -> bool {
    matches!(error, MailError::Unavailable(_) | MailError::Folder(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_in_one_lane_leaves_room_in_the_others() {
        let (sender, _waiting) = mpsc::channel(WAITING);
        let queue = MailQueue {
            sender,
            lanes: Lanes::default(),
        };
        let mut flood: Vec<Room> = std::iter::from_fn(|| queue.room("acme")).collect();
        assert_eq!(flood.len(), WAITING_IN_LANE);
        assert!(queue.room("globex").is_some());
        // Room that is not used is given back, and a lane without mails is none.
        flood.pop();
        assert!(queue.room("acme").is_some());
        drop(flood);
        assert!(queue.lanes.lock().expect("nobody panics").is_empty());
        // All lanes together have a limit too.
        let lanes = (0..).map(|number| format!("tenant-{}", number / WAITING_IN_LANE));
        let all: Vec<Room> = lanes.map_while(|lane| queue.room(&lane)).collect();
        assert_eq!(all.len(), WAITING);
        assert!(queue.room("globex").is_none());
    }
}
