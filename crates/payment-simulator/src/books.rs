//! What the simulator knows: payments, refunds, and what it has answered.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// What somebody pays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Payment {
    pub id: String,
    pub account: String,
    /// The order, as whoever asked names it.
    pub order: String,
    pub currency: String,
    pub amount: i64,
    pub captured: i64,
    pub refunded: i64,
    /// `requires_action`, `requires_capture`, `requires_payment_method`, `succeeded` or `canceled`.
    pub status: String,
    pub failure: Option<String>,
}

/// What goes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refund {
    pub id: String,
    pub payment_intent: String,
    pub amount: i64,
    pub status: String,
}

/// The simulator's books.
#[derive(Debug, Default)]
pub struct Books {
    pub payments: BTreeMap<String, Payment>,
    pub refunds: BTreeMap<String, Refund>,
    /// What was answered under a key of an account, with what was asked.
    pub answered: BTreeMap<(String, String), (String, u16, Value)>,
    /// Where accounts want to be told.
    pub listeners: BTreeMap<String, String>,
    /// Captures and refunds that are still to be refused.
    pub refusals: u32,
    /// Whether it answers nobody.
    pub is_away: bool,
    next: u64,
}

impl Books {
    /// Whether this capture or refund is one of those to be refused.
    pub fn refuses(&mut self) -> bool {
        let refuses = self.refusals > 0;
        self.refusals = self.refusals.saturating_sub(1);
        refuses
    }

    /// Returns the next number, which makes names and choices.
    pub fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Whether something happens this time that happens so often in a thousand times. The same seed and number always choose the same.
    pub fn chance(&mut self, seed: u64, per_mille: u64) -> bool {
        let number = self.number();
        per_mille > 0 && scattered(seed, number) % 1000 < per_mille
    }
}

/// Scatters two numbers into one (the finaliser of SplitMix64).
pub fn scattered(seed: u64, number: u64) -> u64 {
    let mut x = seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
