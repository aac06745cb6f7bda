//! Mails that nobody waits for: how long one takes must not tell whether there was one to be sent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::sync::mpsc;

use crate::mail::{MailError, Mailer};

/// Mails that wait at most. More are refused, and whoever asked for one asks again.
const WAITING: usize = 1_000;
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
pub struct MailQueue(mpsc::Sender<Mail>);

impl MailQueue {
    /// Makes a queue, and the work that sends what is put into it, for as long as the queue is in use.
    pub fn new(mailer: Arc<Mailer>) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, waiting) = mpsc::channel::<Mail>(WAITING);
        let mails = stream::unfold(waiting, async |mut waiting| {
            let mail = waiting.recv().await?;
            Some((mail, waiting))
        });
        let work = mails.for_each_concurrent(AT_ONCE, move |mail| {
            let mailer = Arc::clone(&mailer);
            async move { send(&mailer, &mail).await }
        });
        (Self(sender), work)
    }

    /// Puts a mail into the queue. `false` says that too many wait.
    #[must_use]
    pub fn put(&self, mail: Mail) -> bool {
        self.0.try_send(mail).is_ok()
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
