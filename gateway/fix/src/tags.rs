//! Tags and message types of FIX 4.4 by their FIX names, and which tags are special to a parser.
//!
//! Source: FIX 4.4 Vol 6 (data dictionary); tests/fix/test_dictionary.py compares every line with
//! the Orchestra files of FIX 4.4.

macro_rules! tags {
    ($($name:ident = $number:literal $fix:literal;)*) => {
        $(
            #[doc = concat!("`", $fix, "(", stringify!($number), ")`.")]
            pub const $name: u32 = $number;
        )*

        /// The FIX name of a tag in this list.
        #[must_use]
        pub const fn name(tag: u32) -> Option<&'static str> {
            match tag {
                $($number => Some($fix),)*
                _ => None,
            }
        }
    };
}

tags! {
    ACCOUNT = 1 "Account";
    AVG_PX = 6 "AvgPx";
    BEGIN_SEQ_NO = 7 "BeginSeqNo";
    BEGIN_STRING = 8 "BeginString";
    BODY_LENGTH = 9 "BodyLength";
    CHECK_SUM = 10 "CheckSum";
    CL_ORD_ID = 11 "ClOrdID";
    CUM_QTY = 14 "CumQty";
    CURRENCY = 15 "Currency";
    END_SEQ_NO = 16 "EndSeqNo";
    EXEC_ID = 17 "ExecID";
    EXEC_INST = 18 "ExecInst";
    EXEC_REF_ID = 19 "ExecRefID";
    HANDL_INST = 21 "HandlInst";
    SECURITY_ID_SOURCE = 22 "SecurityIDSource";
    LAST_PX = 31 "LastPx";
    LAST_QTY = 32 "LastQty";
    MSG_SEQ_NUM = 34 "MsgSeqNum";
    MSG_TYPE = 35 "MsgType";
    NEW_SEQ_NO = 36 "NewSeqNo";
    ORDER_ID = 37 "OrderID";
    ORDER_QTY = 38 "OrderQty";
    ORD_STATUS = 39 "OrdStatus";
    ORD_TYPE = 40 "OrdType";
    ORIG_CL_ORD_ID = 41 "OrigClOrdID";
    POSS_DUP_FLAG = 43 "PossDupFlag";
    PRICE = 44 "Price";
    REF_SEQ_NUM = 45 "RefSeqNum";
    SECURITY_ID = 48 "SecurityID";
    SENDER_COMP_ID = 49 "SenderCompID";
    SENDER_SUB_ID = 50 "SenderSubID";
    SENDING_TIME = 52 "SendingTime";
    SIDE = 54 "Side";
    SYMBOL = 55 "Symbol";
    TARGET_COMP_ID = 56 "TargetCompID";
    TARGET_SUB_ID = 57 "TargetSubID";
    TEXT = 58 "Text";
    TIME_IN_FORCE = 59 "TimeInForce";
    TRANSACT_TIME = 60 "TransactTime";
    POSITION_EFFECT = 77 "PositionEffect";
    SIGNATURE = 89 "Signature";
    SECURE_DATA_LEN = 90 "SecureDataLen";
    SECURE_DATA = 91 "SecureData";
    SIGNATURE_LENGTH = 93 "SignatureLength";
    RAW_DATA_LENGTH = 95 "RawDataLength";
    RAW_DATA = 96 "RawData";
    POSS_RESEND = 97 "PossResend";
    ENCRYPT_METHOD = 98 "EncryptMethod";
    STOP_PX = 99 "StopPx";
    CXL_REJ_REASON = 102 "CxlRejReason";
    ORD_REJ_REASON = 103 "OrdRejReason";
    HEART_BT_INT = 108 "HeartBtInt";
    MIN_QTY = 110 "MinQty";
    MAX_FLOOR = 111 "MaxFloor";
    TEST_REQ_ID = 112 "TestReqID";
    ON_BEHALF_OF_COMP_ID = 115 "OnBehalfOfCompID";
    ON_BEHALF_OF_SUB_ID = 116 "OnBehalfOfSubID";
    ORIG_SENDING_TIME = 122 "OrigSendingTime";
    GAP_FILL_FLAG = 123 "GapFillFlag";
    EXPIRE_TIME = 126 "ExpireTime";
    DELIVER_TO_COMP_ID = 128 "DeliverToCompID";
    DELIVER_TO_SUB_ID = 129 "DeliverToSubID";
    RESET_SEQ_NUM_FLAG = 141 "ResetSeqNumFlag";
    SENDER_LOCATION_ID = 142 "SenderLocationID";
    TARGET_LOCATION_ID = 143 "TargetLocationID";
    ON_BEHALF_OF_LOCATION_ID = 144 "OnBehalfOfLocationID";
    DELIVER_TO_LOCATION_ID = 145 "DeliverToLocationID";
    EXEC_TYPE = 150 "ExecType";
    LEAVES_QTY = 151 "LeavesQty";
    SECURITY_TYPE = 167 "SecurityType";
    MATURITY_MONTH_YEAR = 200 "MaturityMonthYear";
    SECURITY_EXCHANGE = 207 "SecurityExchange";
    XML_DATA_LEN = 212 "XmlDataLen";
    XML_DATA = 213 "XmlData";
    TRADING_SESSION_ID = 336 "TradingSessionID";
    MESSAGE_ENCODING = 347 "MessageEncoding";
    ENCODED_TEXT_LEN = 354 "EncodedTextLen";
    ENCODED_TEXT = 355 "EncodedText";
    LAST_MSG_SEQ_NUM_PROCESSED = 369 "LastMsgSeqNumProcessed";
    REF_TAG_ID = 371 "RefTagID";
    REF_MSG_TYPE = 372 "RefMsgType";
    SESSION_REJECT_REASON = 373 "SessionRejectReason";
    EXEC_RESTATEMENT_REASON = 378 "ExecRestatementReason";
    BUSINESS_REJECT_REF_ID = 379 "BusinessRejectRefID";
    BUSINESS_REJECT_REASON = 380 "BusinessRejectReason";
    MAX_MESSAGE_SIZE = 383 "MaxMessageSize";
    NO_MSG_TYPES = 384 "NoMsgTypes";
    MSG_DIRECTION = 385 "MsgDirection";
    NO_TRADING_SESSIONS = 386 "NoTradingSessions";
    EXPIRE_DATE = 432 "ExpireDate";
    CXL_REJ_RESPONSE_TO = 434 "CxlRejResponseTo";
    PARTY_ID_SOURCE = 447 "PartyIDSource";
    PARTY_ID = 448 "PartyID";
    PARTY_ROLE = 452 "PartyRole";
    NO_PARTY_IDS = 453 "NoPartyIDs";
    TEST_MESSAGE_INDICATOR = 464 "TestMessageIndicator";
    SECONDARY_EXEC_ID = 527 "SecondaryExecID";
    ORDER_CAPACITY = 528 "OrderCapacity";
    ORDER_RESTRICTIONS = 529 "OrderRestrictions";
    MASS_CANCEL_REQUEST_TYPE = 530 "MassCancelRequestType";
    MASS_CANCEL_RESPONSE = 531 "MassCancelResponse";
    MASS_CANCEL_REJECT_REASON = 532 "MassCancelRejectReason";
    TOTAL_AFFECTED_ORDERS = 533 "TotalAffectedOrders";
    USERNAME = 553 "Username";
    PASSWORD = 554 "Password";
    ACCOUNT_TYPE = 581 "AccountType";
    ORD_STATUS_REQ_ID = 790 "OrdStatusReqID";
    NEXT_EXPECTED_MSG_SEQ_NUM = 789 "NextExpectedMsgSeqNum";
    LAST_LIQUIDITY_IND = 851 "LastLiquidityInd";
    TRD_MATCH_ID = 880 "TrdMatchID";
}

/// Values of `MsgType(35)`.
pub mod msg_type {
    macro_rules! types {
        ($($name:ident = $value:literal $fix:literal;)*) => {
            $(
                #[doc = concat!("`", $fix, "`, `", $value, "`.")]
                pub const $name: &[u8] = $value.as_bytes();
            )*
        };
    }

    types! {
        HEARTBEAT = "0" "Heartbeat";
        TEST_REQUEST = "1" "TestRequest";
        RESEND_REQUEST = "2" "ResendRequest";
        REJECT = "3" "Reject";
        SEQUENCE_RESET = "4" "SequenceReset";
        LOGOUT = "5" "Logout";
        EXECUTION_REPORT = "8" "ExecutionReport";
        ORDER_CANCEL_REJECT = "9" "OrderCancelReject";
        LOGON = "A" "Logon";
        NEW_ORDER_SINGLE = "D" "NewOrderSingle";
        ORDER_CANCEL_REQUEST = "F" "OrderCancelRequest";
        ORDER_CANCEL_REPLACE_REQUEST = "G" "OrderCancelReplaceRequest";
        ORDER_STATUS_REQUEST = "H" "OrderStatusRequest";
        BUSINESS_MESSAGE_REJECT = "j" "BusinessMessageReject";
        ORDER_MASS_CANCEL_REQUEST = "q" "OrderMassCancelRequest";
        ORDER_MASS_CANCEL_REPORT = "r" "OrderMassCancelReport";
        MARKET_DATA_REQUEST = "V" "MarketDataRequest";
        SECURITY_LIST_REQUEST = "x" "SecurityListRequest";
        TRADE_CAPTURE_REPORT = "AE" "TradeCaptureReport";
    }

    /// Whether the type belongs to the session layer (FIX 4.4 Vol 2).
    #[must_use]
    pub const fn is_session(msg_type: &[u8]) -> bool {
        matches!(msg_type, b"0" | b"1" | b"2" | b"3" | b"4" | b"5" | b"A")
    }

    /// Whether FIX 4.4 defines the type; an undefined one is rejected with 373=11, a defined one
    /// that is not offered with 35=j 380=3.
    #[must_use]
    pub const fn is_defined(msg_type: &[u8]) -> bool {
        match msg_type {
            // I, O and U are nobody's; U begins the types that two parties agree on.
            [b'I' | b'O' | b'U'] => false,
            [byte] => byte.is_ascii_alphanumeric(),
            [b'A', second] => second.is_ascii_uppercase(),
            [b'B', second] => matches!(*second, b'A'..=b'H'),
            _ => false,
        }
    }
}

/// Whether the tag belongs to the standard header (FIX 4.4 Vol 1).
#[must_use]
pub const fn is_header(tag: u32) -> bool {
    matches!(
        tag,
        8 | 9 | 34 | 35 | 43 | 49 | 50 | 52 | 56 | 57 | 90 | 91 | 97 | 115 | 116 | 122 | 128
            | 129 | 142..=145 | 212 | 213 | 347 | 369 | 627..=630
    )
}

/// The data field whose length this tag states: its value may hold SOH.
#[must_use]
pub const fn data_of_length(tag: u32) -> Option<u32> {
    match tag {
        93 => Some(89),
        90 | 95 | 212 | 348 | 350 | 352 | 354 | 356 | 358 | 360 | 362 | 364 | 445 | 618 | 621 => {
            Some(tag.saturating_add(1))
        }
        _ => None,
    }
}

const UNDERLYING: &[u32] = &[
    241, 242, 243, 244, 245, 246, 247, 256, 305, 306, 307, 308, 309, 310, 311, 312, 313, 315, 316,
    317, 318, 362, 363, 364, 365, 435, 436, 457, 458, 459, 462, 463, 542, 592, 593, 594, 595, 763,
    810, 877, 878, 879, 882, 883, 884, 885, 886, 887, 888, 889, 941,
];

/// Members of a repeating group, those of inner groups with them: only they may appear more than
/// once, and only after the count field. All groups of order entry and session messages are here;
/// of other messages the groups that clients send most.
#[must_use]
pub const fn group_members(count_tag: u32) -> Option<&'static [u32]> {
    match count_tag {
        // Parties, with its sub-group.
        453 => Some(&[448, 447, 452, 802, 523, 803]),
        // NestedParties.
        539 => Some(&[524, 525, 538, 804, 545, 805]),
        // NoAllocs of an order, with NestedParties.
        78 => Some(&[79, 661, 736, 467, 80, 539, 524, 525, 538, 804, 545, 805]),
        386 => Some(&[336, 625]),
        384 => Some(&[372, 385]),
        232 => Some(&[233, 234]),
        454 => Some(&[455, 456]),
        457 => Some(&[458, 459]),
        // Stipulations of an underlying, and the orders that a mass cancel takes.
        887 => Some(&[888, 889]),
        534 => Some(&[41, 535, 536]),
        // Underlyings, with their alternative identifiers and their stipulations.
        711 => Some(UNDERLYING),
        627 => Some(&[628, 629, 630]),
        864 => Some(&[865, 866, 867, 868]),
        267 => Some(&[269]),
        146 => Some(&[55, 65, 48, 22, 167, 200, 207]),
        382 => Some(&[375, 337, 437, 438, 655]),
        _ => None,
    }
}
