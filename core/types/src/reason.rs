//! The FIX values of every [`Reason`]. `UnknownSymbol` and its kin exist once, and are told
//! to a member as OrdRejReason(103) or CxlRejReason(102), whichever the message carries.

use crate::Reason;

impl Reason {
    /// OrdRejReason(103), FIX 4.4 Vol 6.
    #[must_use]
    pub const fn ord_rej_reason(self) -> u32 {
        match self {
            Self::UnknownSymbol => 1,
            Self::ExchangeClosed => 2,
            Self::OrderExceedsLimit
            | Self::TooManyOrders
            | Self::TooManyClOrdIds
            | Self::PositionLimit
            | Self::InsufficientFunds
            | Self::TooManyAccounts => 3,
            Self::UnknownOrder => 5,
            Self::DuplicateClOrdId => 6,
            Self::UnsupportedCharacteristic => 11,
            Self::IncorrectQuantity | Self::LotSize | Self::DisplayQtyWrong | Self::MinQtyWrong => {
                13
            }
            Self::None
            | Self::TooLateToCancel
            | Self::PriceOutOfRange
            | Self::NotReplaceable
            | Self::PhaseNotAdmitted
            | Self::SelfMatch
            | Self::WouldCross
            | Self::MinQtyNotMet
            | Self::NoLiquidity
            | Self::TickSize
            | Self::StopPxWrong
            | Self::ExpireTimePast
            | Self::Expired
            | Self::PriceBand
            | Self::UnknownAccount
            | Self::AccountNotEmpty => 99,
            // "Broker / Exchange option": nothing is wrong with the order itself. With 3, which is
            // about its quantity or value, a client would send a smaller one, and not a later one.
            Self::EntryBlocked | Self::RateExceeded => 0,
        }
    }

    /// CxlRejReason(102), FIX 4.4 Vol 6.
    #[must_use]
    pub const fn cxl_rej_reason(self) -> u32 {
        match self {
            Self::TooLateToCancel => 0,
            Self::UnknownOrder => 1,
            Self::ExchangeClosed
            | Self::OrderExceedsLimit
            | Self::TooManyOrders
            | Self::TooManyClOrdIds
            | Self::EntryBlocked
            | Self::PositionLimit
            | Self::RateExceeded
            | Self::InsufficientFunds
            | Self::TooManyAccounts => 2,
            Self::DuplicateClOrdId => 6,
            Self::None
            | Self::UnknownSymbol
            | Self::UnsupportedCharacteristic
            | Self::IncorrectQuantity
            | Self::PriceOutOfRange
            | Self::NotReplaceable
            | Self::PhaseNotAdmitted
            | Self::SelfMatch
            | Self::WouldCross
            | Self::MinQtyNotMet
            | Self::NoLiquidity
            | Self::TickSize
            | Self::LotSize
            | Self::StopPxWrong
            | Self::DisplayQtyWrong
            | Self::MinQtyWrong
            | Self::ExpireTimePast
            | Self::Expired
            | Self::PriceBand
            | Self::UnknownAccount
            | Self::AccountNotEmpty => 99,
        }
    }

    /// One sentence for Text(58).
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::None => "",
            Self::UnknownSymbol => "no such instrument",
            Self::ExchangeClosed => "the instrument's phase does not admit it",
            Self::OrderExceedsLimit => {
                "quantity or value is above the limit of the instrument or the session"
            }
            Self::TooLateToCancel => "the order is no longer open",
            Self::UnknownOrder => "no such order of this member",
            Self::DuplicateClOrdId => "the member has used this ClOrdID before",
            Self::UnsupportedCharacteristic => {
                "order type, time in force, instructions and phase do not go together here"
            }
            Self::IncorrectQuantity => "quantity is zero, or not above what has executed",
            Self::PriceOutOfRange => "price is outside the instrument's range",
            Self::NotReplaceable => "a replace cannot change instrument, side or order type",
            Self::TooManyOrders => "the venue holds as many open orders as it can",
            Self::TooManyClOrdIds => "the venue holds as many ClOrdIDs as it can",
            Self::PhaseNotAdmitted => "the instrument is in that phase already",
            Self::EntryBlocked => "an operator has blocked order entry",
            Self::PositionLimit => {
                "with its open orders, the session's position would be above its limit"
            }
            Self::RateExceeded => "the session sends more orders a second than it may",
            Self::SelfMatch => "it would execute against an order of the same owner",
            Self::WouldCross => "a post-only order would execute on arrival",
            Self::MinQtyNotMet => "less than MinQty could execute at once",
            Self::NoLiquidity => "there is no opposite price",
            Self::TickSize => "price is no multiple of the instrument's tick size",
            Self::LotSize => "quantity is no multiple of the instrument's lot size",
            Self::StopPxWrong => "StopPx is missing, out of range, off tick, or of no stop order",
            Self::DisplayQtyWrong => {
                "DisplayQty does not go with the order, is too large, or no multiple of the lot size"
            }
            Self::MinQtyWrong => "MinQty does not go with the order, or is above its quantity",
            Self::ExpireTimePast => "ExpireTime is missing, has passed, or is of no good till date",
            Self::InsufficientFunds => "the account does not hold what the order could cost",
            Self::Expired => "its ExpireTime has come",
            Self::TooManyAccounts => "the venue holds as many accounts as it can",
            Self::PriceBand => "price is too far through the reference price",
            Self::UnknownAccount => "the member has no account",
            Self::AccountNotEmpty => "the account holds cash or lots",
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Reason;

    #[test]
    fn every_reason_but_none_has_a_text() {
        for reason in Reason::ALL {
            assert_eq!(reason.text().is_empty(), reason == Reason::None, "{reason:?}");
        }
    }
}
