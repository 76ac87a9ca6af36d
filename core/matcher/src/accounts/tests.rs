//! What the state hash knows of accounts.

#![allow(clippy::expect_used)]

use std::vec;

use super::*;
use crate::storage::Owned;

/// One account, of member 1, and one instrument.
fn accounts() -> (Accounts<Owned>, usize) {
    let storage = AccountStorage {
        accounts: vec![Account::default(); 1].into(),
        holdings: vec![Holding::default(); 1].into(),
        totals: vec![InstrumentTotal::default(); 1].into(),
    };
    let mut accounts = Accounts::new(storage, 1);
    let row = accounts.take_row(1).expect("there is room");
    (accounts, row)
}

#[test]
fn what_was_paid_as_fees_is_part_of_the_state() {
    let after_fill = |price: i64, fee: i64| {
        let (mut accounts, row) = accounts();
        accounts.settle(row, 0, Side::Buy, 1, price, fee);
        (accounts.mixes, accounts.fees_mix())
    };
    let (cheap, dear) = (after_fill(10, 1), after_fill(11, 0));
    assert_eq!(cheap.0, dear.0, "the account paid 11 either way");
    assert_ne!(cheap.1, dear.1, "to others, or to the venue");
}
