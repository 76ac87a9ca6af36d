/* The C ABI of Touchline, by hand; the records are generated.
 *
 * Every function may be called from any thread. None keeps a pointer after it returns, none calls
 * back, none ends the process over its arguments. A function is only ever added, which raises the
 * version; one that would change its meaning gets a new name.
 */
#ifndef TOUCHLINE_H
#define TOUCHLINE_H

#include "touchline_records.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this ABI: a caller that was built for another one must not go on. */
#define TL_ABI_VERSION 4
uint32_t tl_abi_version(void);

/* What the library takes its records, its feed messages and its rings to look like. The first two
 * are TL_LAYOUT_HASH and TL_FEED_LAYOUT_HASH of the header that it was built with. */
uint64_t tl_records_layout_hash(void);
uint64_t tl_feed_layout_hash(void);
uint64_t tl_ring_layout_hash(void);
/* Of the rings and of the memory of a strategy that they lie in. */
uint64_t tl_port_layout_hash(void);
uint64_t tl_counters_layout_hash(void);

/* Bytes of the record with an SBE template id of core/schema/touchline-core.xml; 0 if unknown. */
uint32_t tl_record_bytes(uint16_t template_id);

/* Reads and checks a venue.toml (path: UTF-8, ends with NUL) and describes the venue as one JSON
 * object: every path, address and number that another program needs to work with it.
 *
 * Writes at most out_bytes bytes to out, no NUL, and returns the length of the whole text: more
 * than out_bytes means that the caller asks again with more room. A negative result is minus the
 * length of a text that says why there is no venue, written to out likewise. 0: an argument is
 * NULL. */
int64_t tl_describe_venue(const char *path, char *out, uint64_t out_bytes);

/* A subscriber of the public feed: joins its groups and keeps its books. One thread at a time. */
typedef struct tl_subscriber tl_subscriber;

/* A price level: price in price units, qty in lots. */
typedef struct tl_level {
    int64_t price;
    uint64_t qty;
    uint32_t order_count;
    uint32_t reserved;
} tl_level;

/* A resting order; the orders of a level are in the order in which they will execute. */
typedef struct tl_book_order {
    uint64_t order_id;
    int64_t price;
    uint64_t qty;
    uint64_t priority;
} tl_book_order;

/* What is to be said of a book beside its levels. */
typedef struct tl_book {
    uint64_t last_seq;     /* newest match event in it */
    int64_t last_px;       /* INT64_MIN without an execution */
    uint64_t order_count;
    uint32_t bid_levels;
    uint32_t offer_levels;
    uint8_t state;         /* TL_BOOK_* */
    uint8_t phase;         /* SecurityTradingStatus(326) */
    uint8_t reserved[6];
} tl_book;

enum {
    TL_BOOK_LIVE = 1,      /* right */
    TL_BOOK_SUSPECT = 2,   /* packets are lost that may have held messages of it */
    TL_BOOK_STALE = 3      /* messages are missing: it stands still until it is recovered */
};

/* Something that happened on the feed. Fields that a kind does not name are 0. */
typedef struct tl_feed_event {
    uint64_t seq;
    uint64_t order_id;
    uint64_t trd_match_id;
    int64_t price;
    uint64_t qty;
    uint32_t instrument_id;
    uint32_t order_count;
    uint8_t kind;          /* TL_FEED_* */
    uint8_t side;
    uint8_t aggressor_side;
    uint8_t phase;
    uint8_t state;         /* TL_BOOK_* */
    uint8_t flags;         /* MatchEventIndicator: Uncross, Printable */
    uint8_t reserved[2];
} tl_feed_event;

enum {
    TL_FEED_LEVEL = 1,         /* side, price, qty, order_count; 0 orders: the level is gone */
    TL_FEED_TRADE = 2,        /* seq, order_id, trd_match_id, price, qty, side of the resting
                                  order, aggressor_side, flags */
    TL_FEED_PHASE = 3,         /* seq, phase */
    TL_FEED_UNCROSS = 4,       /* seq, price, qty */
    TL_FEED_END_OF_EVENT = 5,  /* seq */
    TL_FEED_SNAPSHOT = 6,      /* seq: the book was taken from a snapshot; any level may differ */
    TL_FEED_STATE = 7,         /* state */
    TL_FEED_SESSION = 8,       /* seq: number of the session; every book is stale */
    TL_FEED_END_OF_SESSION = 9 /* seq: number of the session */
};

/* Joins the feed of the venue in a venue.toml (path: UTF-8, ends with NUL). keep_events is 0 or 1:
 * whether tl_subscriber_events has something to give beside trades. Returns 0 and sets *subscriber;
 * or minus the length of a text that says what failed, of which at most error_bytes bytes are
 * written to error, no NUL; or INT64_MIN if an argument is NULL. */
int64_t tl_subscriber_open(const char *path, uint32_t keep_events, tl_subscriber **subscriber,
                           char *error, uint64_t error_bytes);

/* Leaves the feed and frees the subscriber; NULL is allowed. */
void tl_subscriber_close(tl_subscriber *subscriber);

/* Waits at most timeout_ns for packets, then takes in all that have come. Returns how
 * many datagrams that were, or -errno. Call it often: what the socket buffers cannot hold
 * meanwhile is lost, and must be recovered. */
int64_t tl_subscriber_poll(tl_subscriber *subscriber, uint64_t timeout_ns);

/* Fills *book. 1: done; 0: nothing was heard of the instrument yet; -1: an argument is NULL. */
int64_t tl_subscriber_book(const tl_subscriber *subscriber, uint32_t instrument_id, tl_book *book);

/* The best levels of a side (1 bids, 2 offers), best first, at most `capacity`. Returns how
 * many were written; -1: an argument is NULL or no side. */
int64_t tl_subscriber_levels(const tl_subscriber *subscriber, uint32_t instrument_id, uint8_t side,
                             tl_level *levels, uint64_t capacity);

/* The orders at a price, in the order in which they will execute, as tl_subscriber_levels. */
int64_t tl_subscriber_orders(const tl_subscriber *subscriber, uint32_t instrument_id, uint8_t side,
                             int64_t price, tl_book_order *orders, uint64_t capacity);

/* Takes the oldest trades that have not been taken, at most `capacity`; all of kind TL_FEED_TRADE.
 * Beyond 65,536 waiting ones the oldest are dropped and counted. Returns how many; -1: NULL. */
int64_t tl_subscriber_trades(tl_subscriber *subscriber, tl_feed_event *events, uint64_t capacity);

/* Likewise for events of all kinds, trades among them, in the order of the feed; at most 1,048,576
 * wait. Nothing without keep_events. */
int64_t tl_subscriber_events(tl_subscriber *subscriber, tl_feed_event *events, uint64_t capacity);

/* Counters as one JSON object; result and out as tl_describe_venue. */
int64_t tl_subscriber_counters(const tl_subscriber *subscriber, char *out, uint64_t out_bytes);

/* A strategy: a process that trades beside the matcher, over shared memory that the engine made. It
 * sees the public ring, its own executions and its own position, and nothing else. One thread at a
 * time. Functions that return int64_t give a negative TL_STRATEGY_* value on failure. */
typedef struct tl_strategy tl_strategy;

/* Something that happened, in the order in which it did. Prices are price units, quantities lots,
 * times ns since the epoch (UTC). Fields that a kind does not name are 0. */
typedef struct tl_strategy_event {
    uint64_t seq;            /* of the command that caused it; 0: Timer, Target */
    uint64_t timestamp;      /* it was sequenced, the venue's own time; Timer, Live, Stale,
                                Target: 0 */
    uint64_t matched_time;   /* the matcher had made it; Timer: when it was due; Target: when they
                                were published */
    uint64_t released_time;  /* the engine released it: what it acknowledges is durable; Target:
                                when they expire */
    uint64_t order;          /* Execution: the number that tl_strategy_new_order gave; 0 if another
                                process sent the order. Timer: the timer's number. Target: the
                                version */
    uint64_t trd_match_id;   /* Trade, Execution of a fill */
    int64_t price;           /* Trade, a fill, Live: last_px, INT64_MIN before the first; any other
                                Execution: the order's price */
    uint64_t qty;            /* Trade, a fill: last_qty; Canceled: what was cancelled; any other
                                Execution: order_qty; Target: how many there are */
    uint64_t leaves_qty;     /* Execution: after it */
    uint64_t cum_qty;        /* Execution: after it */
    int64_t position;        /* own position of the instrument: bought less sold, today */
    int64_t bid_px;          /* the touch after it; INT64_MIN without a bid */
    uint64_t bid_qty;
    int64_t offer_px;        /* INT64_MAX without an offer */
    uint64_t offer_qty;
    uint32_t instrument_id;
    uint8_t kind;            /* TL_STRATEGY_BOOK ... */
    uint8_t side;            /* Trade: the aggressor's, 0 in an uncross; Execution: the order's */
    uint8_t execution;       /* Execution: TL_EXECUTION_* */
    uint8_t ord_status;      /* Execution: OrdStatus(39), value of the records' OrdStatus */
    uint8_t reason;          /* Execution: value of the records' Reason, where it was refused */
    uint8_t phase;           /* Phase, Live: SecurityTradingStatus(326) */
    uint8_t aggressor;       /* a fill: 1 if this order arrived, 0 if it rested */
    uint8_t expired;         /* Target: 1 if they do not count any more */
    uint8_t reserved[4];
} tl_strategy_event;

enum {
    TL_STRATEGY_BOOK = 1,      /* a whole match event is in the book of the instrument */
    TL_STRATEGY_TRADE = 2,     /* two orders matched; Book follows at the end of the event */
    TL_STRATEGY_PHASE = 3,     /* the instrument entered a phase */
    TL_STRATEGY_EXECUTION = 4, /* an answer to a command, or what happened to an own order */
    TL_STRATEGY_TIMER = 5,     /* a timer is due */
    TL_STRATEGY_LIVE = 6,      /* the book of the instrument is right from here on, also after
                                  Stale; phase, position and touch are in the event */
    TL_STRATEGY_STALE = 7,     /* records were overwritten before they were read: no book is right
                                  until its Live; own orders and position are not affected */
    TL_STRATEGY_TARGET = 8     /* a new version of the targets is whole, or the newest has expired;
                                  not before the first Live */
};

enum {
    TL_EXECUTION_NEW = 1,             /* accepted */
    TL_EXECUTION_REJECTED = 2,        /* a new order was refused: reason */
    TL_EXECUTION_TRADE = 3,           /* a fill */
    TL_EXECUTION_CANCELED = 4,        /* the rest is gone */
    TL_EXECUTION_REPLACED = 5,        /* price and order_qty are new */
    TL_EXECUTION_CANCEL_REJECTED = 6, /* a cancel or replace was refused: reason */
    TL_EXECUTION_RESTATED = 7         /* the venue changed it: price, order_qty and leaves_qty */
};

enum {
    TL_STRATEGY_GONE = -1,          /* the engine has ended, or closed us: tl_strategy_why says why.
                                       Nothing follows; open a new one */
    TL_STRATEGY_FULL = -2,          /* the command ring is full: the engine holds us back */
    TL_STRATEGY_UNKNOWN_ORDER = -3, /* no such order, or it is no longer open */
    TL_STRATEGY_ARGUMENT = -4       /* an argument is NULL, or no value of its type */
};

/* An own order. */
typedef struct tl_own_order {
    uint64_t order;          /* the number that tl_strategy_new_order gave; it stays in replaces */
    int64_t price;           /* as last acknowledged */
    uint64_t order_qty;
    uint64_t leaves_qty;
    uint64_t cum_qty;
    uint32_t instrument_id;
    uint8_t side;
    uint8_t pending;         /* commands about it that were sent and not yet answered */
    uint8_t accepted;        /* 0 until the venue has accepted it */
    uint8_t reserved;
} tl_own_order;

/* Connects strategy `name` of a venue.toml (both UTF-8, end with NUL) to its running engine; with
 * an empty name an observer, which sees the public ring and whose commands are refused (ARGUMENT).
 * Returns 0 and sets *strategy; or minus the length of a text that says what failed, of which at
 * most error_bytes are written to error, no NUL; or INT64_MIN if an argument is NULL. Books and
 * positions follow as Live events, one for each instrument. */
int64_t tl_strategy_open(const char *path, const char *name, tl_strategy **strategy, char *error,
                         uint64_t error_bytes);

/* Leaves: the engine cancels every open order. Frees the strategy; NULL is allowed. */
void tl_strategy_close(tl_strategy *strategy);

/* Takes the next event. 1: *event is filled; 0: there is none; or GONE. Never blocks. */
int64_t tl_strategy_next(tl_strategy *strategy, tl_strategy_event *event);

/* Takes at most `capacity` events. Returns how many; or GONE, when none is left. Never blocks. */
int64_t tl_strategy_batch(tl_strategy *strategy, tl_strategy_event *events, uint64_t capacity);

/* Sleeps until there may be an event, but at most timeout_ns. 1: look; 0: the time is over; or
 * GONE. */
int64_t tl_strategy_wait(tl_strategy *strategy, uint64_t timeout_ns);

/* Sends a new order: side 1 buy, 2 sell; ord_type and time_in_force are values of the records'
 * OrdType and TimeInForce; order_qty in lots. Returns the order's number, from 1; or FULL,
 * ARGUMENT, GONE. It is sent when this returns. */
int64_t tl_strategy_new_order(tl_strategy *strategy, uint32_t instrument_id, uint8_t side,
                              uint8_t ord_type, uint8_t time_in_force, int64_t price,
                              uint64_t order_qty);

/* Cancels an own open order. 0; or FULL, UNKNOWN_ORDER, GONE. */
int64_t tl_strategy_cancel(tl_strategy *strategy, uint64_t order);

/* Replaces price and order_qty (cum_qty included) of an own open order. As tl_strategy_cancel. */
int64_t tl_strategy_replace(tl_strategy *strategy, uint64_t order, int64_t price,
                            uint64_t order_qty);

/* Cancels every own order with one command. As tl_strategy_cancel. */
int64_t tl_strategy_cancel_all(tl_strategy *strategy);

/* Fills *own. 1: done; 0: no such order, or it is no longer open; ARGUMENT. */
int64_t tl_strategy_order(const tl_strategy *strategy, uint64_t order, tl_own_order *own);

/* Writes own open orders, oldest first, at most `capacity`. Returns how many were written. */
int64_t tl_strategy_orders(const tl_strategy *strategy, tl_own_order *orders, uint64_t capacity);

/* Own position of an instrument: bought less sold, today, lots. 0 for an unknown instrument. */
int64_t tl_strategy_position(const tl_strategy *strategy, uint32_t instrument_id);

/* The best levels of a side (1 bids, 2 offers), best first, at most `capacity`, as they are after
 * the last event taken. Returns how many were written. */
int64_t tl_strategy_levels(const tl_strategy *strategy, uint32_t instrument_id, uint8_t side,
                           tl_level *levels, uint64_t capacity);

/* 1 if the book of the instrument is right, else 0. */
int64_t tl_strategy_is_live(const tl_strategy *strategy, uint32_t instrument_id);

/* A timer that is due once, at a time; the number is the caller's, and comes back in the event. At
 * most 1,024 wait; beyond that FULL. */
int64_t tl_strategy_set_timer(tl_strategy *strategy, uint64_t number, uint64_t at_ns);

/* Names the gauges that whoever watches the venue is shown of this strategy: at most 16 names of 1
 * to 32 ASCII letters, digits and '_', with commas between. Once in a connection. 0; or
 * ARGUMENT. */
int64_t tl_strategy_name_gauges(tl_strategy *strategy, const char *names);

/* Sets the first `count` gauges, in the order of their names, at the cost of a store for each. A
 * value that is not finite is shown as unknown. 0; or ARGUMENT. */
int64_t tl_strategy_set_gauges(tl_strategy *strategy, const double *values, uint64_t count);

/* Targets of a strategy: the positions that somebody wants it to have, and until when. */
typedef struct tl_targets {
    uint64_t version;        /* from 1, rising; tl_targets_put gives it */
    uint64_t published_time; /* ns since the epoch (UTC) */
    uint64_t expires_time;   /* from then on they do not count any more; 31 days later at most */
    uint32_t count;          /* rows */
    uint8_t expired;         /* 1 from expires_time on */
    uint8_t reserved[3];
    char source[32];         /* who made them: UTF-8, zeros behind it */
} tl_targets;

typedef struct tl_target {
    int64_t position;        /* bought less sold, lots */
    double weight;           /* share of the portfolio that it stands for; NaN: none said */
    int64_t price;           /* what it was made from, price units; INT64_MIN: none said */
    uint32_t instrument_id;  /* rows stand in this order, each instrument at most once */
    uint32_t reserved;
} tl_target;

/* The newest targets of this strategy, expired or not: fills *targets, and at most `capacity` rows.
 * 1: done; 0: there were none yet; ARGUMENT. */
int64_t tl_strategy_targets(const tl_strategy *strategy, tl_targets *targets, tl_target *rows,
                            uint64_t capacity);

/* Fills *target. 1: done; 0: no target of this instrument, or the targets have expired. */
int64_t tl_strategy_target(const tl_strategy *strategy, uint32_t instrument_id, tl_target *target);

/* Hash of the layout of targets in memory: what the engine's has to be. */
uint64_t tl_targets_layout_hash(void);

/* Who sets the targets of a strategy. */
typedef struct tl_targets_setter tl_targets_setter;

/* Connects the process that sets the targets of strategy `name`, one at a time; arguments and
 * results as tl_strategy_open. */
int64_t tl_targets_open(const char *path, const char *name, tl_targets_setter **setter, char *error,
                        uint64_t error_bytes);

/* Leaves; the targets stay until they expire. Frees the setter; NULL is allowed. */
void tl_targets_close(tl_targets_setter *setter);

/* Publishes targets with targets->count rows; its version, expired and reserved are not looked at.
 * Returns the version; TL_STRATEGY_GONE if the engine has ended: open a new setter; or
 * TL_STRATEGY_ARGUMENT, and writes why to error (at most error_bytes, no NUL). */
int64_t tl_targets_put(const tl_targets_setter *setter, const tl_targets *targets,
                       const tl_target *rows, char *error, uint64_t error_bytes);

/* Looks at the targets of strategy `name` of a running venue, from outside: as
 * tl_strategy_targets, or on failure as tl_strategy_open. */
int64_t tl_targets_read(const char *path, const char *name, tl_targets *targets, tl_target *rows,
                        uint64_t capacity, char *error, uint64_t error_bytes);

/* UTC now, ns since the epoch: the venue's clock. */
uint64_t tl_now_ns(void);

/* Counters as one JSON object; result and out as tl_describe_venue. */
int64_t tl_strategy_counters(const tl_strategy *strategy, char *out, uint64_t out_bytes);

/* Why the strategy is gone; result and out as tl_describe_venue; 0 while it is not. */
int64_t tl_strategy_why(const tl_strategy *strategy, char *out, uint64_t out_bytes);

/* A model: regression trees of an ONNX file. It never changes, so any number of threads may score
 * at once; docs/models.md says what a file may hold. */
typedef struct tl_model tl_model;

enum {
    TL_MODEL_ARGUMENT = -1   /* an argument is NULL, or a length is not the model's */
};

/* Reads a model from the bytes of its file. Returns 0 and sets *model; or minus the length of a
 * text that says what is wrong and where, of which at most error_bytes are written to error, no
 * NUL; or INT64_MIN if an argument is NULL or a length cannot be. */
int64_t tl_model_read(const uint8_t *bytes, uint64_t len, tl_model **model, char *error,
                      uint64_t error_bytes);

/* Frees a model; NULL is allowed. */
void tl_model_free(tl_model *model);

/* Values of a row; 0 for NULL. */
uint32_t tl_model_feature_count(const tl_model *model);

/* The score of a row of `len` values, each of which may be NaN or infinite. NaN if an argument is
 * NULL or unaligned, or len is not tl_model_feature_count; never otherwise. Allocates nothing. */
double tl_model_score(const tl_model *model, const double *row, uint32_t len);

/* Scores `count` rows of `len` values that stand one after the other. 0; or ARGUMENT, and nothing
 * is written. `out` has room for `count` scores, and is not among the rows. */
int64_t tl_model_scores(const tl_model *model, const double *rows, uint64_t count, uint32_t len,
                        double *out);

/* What a model is, as one JSON object: feature_count, tree_count, node_count (leaves too), depth,
 * and the file's metadata as texts by key; result and out as tl_describe_venue. */
int64_t tl_model_describe(const tl_model *model, char *out, uint64_t out_bytes);

/* Books of a recording: public records of a file, told as a live strategy is told them. */
typedef struct tl_recorded_market tl_recorded_market;

enum {
    TL_RECORDED_BAD_RECORD = -5, /* the bytes are no public record */
    TL_RECORDED_MISFIT = -6      /* the record does not fit its book: the recording has a hole, or
                                    does not begin where its venue began */
};

/* Books of instruments 1 to `instruments` (65,536 at most), all empty; NULL for more. */
tl_recorded_market *tl_recorded_market_open(uint32_t instruments);

/* Frees it; NULL is allowed. */
void tl_recorded_market_close(tl_recorded_market *market);

/* Takes one public record, 128 bytes, and writes what it means to `events`: Trade, Phase, and at
 * the end of a match event a Book for each instrument that it has changed; at most `capacity`,
 * which must be at least the number of instruments and one. Returns how many; or ARGUMENT,
 * BAD_RECORD, MISFIT: after a failure nothing that follows is right. */
int64_t tl_recorded_market_take(tl_recorded_market *market, const uint8_t *record,
                                tl_strategy_event *events, uint64_t capacity);

/* The best levels of a side, as tl_strategy_levels. */
int64_t tl_recorded_market_levels(const tl_recorded_market *market, uint32_t instrument_id,
                                  uint8_t side, tl_level *levels, uint64_t capacity);

/* A matcher of one's own: the books and rules of a venue (docs/library.md), without its gateway,
 * journal and feed. Commands in, events out; the same commands make the same events everywhere. One
 * thread at a time; different matchers are independent. */
typedef struct tl_matcher tl_matcher;

/* An instrument of a matcher. Prices in price units, quantities in lots. */
typedef struct tl_instrument_limits {
    int64_t min_price;       /* lowest and highest price of an order */
    int64_t max_price;
    uint64_t max_order_qty;
    uint32_t instrument_id;
    uint8_t phase;           /* TL_TRADING_PHASE_*: its first phase, not NONE */
    uint8_t reserved[3];     /* zero */
    int64_t tick_size;       /* prices are multiples of it; 0 is 1 */
    uint64_t lot_size;       /* quantities are multiples of it; 0 is 1 */
    int64_t protection;      /* so far beyond the touch a market order goes; 0 is no bound */
    int64_t price_band;      /* so far through the last price a limit may be; 0 is no bound */
} tl_instrument_limits;

/* What a matcher holds at most. Its memory is taken when it is made; what does not fit later is
 * refused by an event with a reason. */
typedef struct tl_matcher_capacity {
    uint32_t instruments;
    uint32_t orders;           /* open at a time, over all instruments */
    uint32_t levels;           /* prices on one side of one book */
    uint32_t cl_ord_ids;       /* ClOrdIDs ever used: of orders, and of replaces */
    uint32_t limited_sessions; /* sessions that have limits (SetLimits) at a time */
    uint32_t accounts;         /* members that have an account (SetAccount) at a time */
    uint32_t reserved[10];     /* zero */
} tl_matcher_capacity;

/* Results below 0. */
enum {
    TL_MATCHER_ARGUMENT = -1,              /* NULL, no value of its type, reserved and not zero */
    TL_MATCHER_TOO_MANY_INSTRUMENTS = -2,  /* more than the capacity says */
    TL_MATCHER_DUPLICATE_INSTRUMENT = -3,
    TL_MATCHER_EMPTY_PRICE_RANGE = -4,     /* min_price is above max_price */
    TL_MATCHER_NO_PHASE = -5,              /* the first phase is NONE */
    TL_MATCHER_TOO_LARGE = -6,             /* a capacity that no memory here holds */
    TL_MATCHER_REFUSED = -7,               /* anything else; the text says what */
    TL_MATCHER_BAD_VALUE = -8,             /* a byte of a command is no value of its enum */
    TL_MATCHER_BAD_SEQ = -9,               /* the seq of a command is not the one that is next */
    TL_MATCHER_BAD_TIMESTAMP = -10         /* the timestamp of a command does not rise */
};

/* Makes a matcher. Returns 0 and sets *matcher; or a code, and writes why to error (at most
 * error_bytes bytes, no NUL). */
int64_t tl_matcher_new(const tl_instrument_limits *instruments, uint64_t count,
                       const tl_matcher_capacity *capacity, tl_matcher **matcher, char *error,
                       uint64_t error_bytes);

/* Frees a matcher; NULL is allowed. */
void tl_matcher_free(tl_matcher *matcher);

/* What a call of tl_matcher_apply did. */
typedef struct tl_matcher_batch {
    uint64_t commands;       /* the first so many were applied; the others were not */
    uint64_t events;         /* written */
    uint64_t waiting;        /* events of applied commands that had no room: the next call writes
                                them before anything else */
    uint32_t fault_offset;   /* with a code: the byte of record `commands` that is wrong */
    uint32_t reserved;
} tl_matcher_batch;

/* Applies commands in order and writes their events to `events`, at most `capacity`. It stops
 *
 * - when all are applied: 0;
 * - when `events` is full: 0, with batch->commands below `count` or batch->waiting above 0. Nothing
 *   is lost: call again with the commands that are left (count 0 if none is) and more room;
 * - before a record that is none: BAD_VALUE, BAD_SEQ or BAD_TIMESTAMP, tl_matcher_why says what.
 *   Those before it are applied, and their events written; it and those after it changed nothing.
 *
 * A command is applied only when no event waits and there is room for one more, sixteen at a time
 * where there is room for 64. seq 0 stands for the number that is next (they begin with 1),
 * timestamp 0 for the last one plus 1; other values have to be the next number, and to be above the
 * last timestamp. The last event of a command has END_OF_EVENT; each command has one event at
 * least.
 *
 * ARGUMENT if matcher or batch is NULL, or an array that is not empty; nothing is done. */
int64_t tl_matcher_apply(tl_matcher *matcher, const tl_command *commands, uint64_t count,
                         tl_event *events, uint64_t capacity, tl_matcher_batch *batch);

/* Why the last tl_matcher_apply stopped with a code; result and out as tl_describe_venue; 0 if it
 * did not. */
int64_t tl_matcher_why(const tl_matcher *matcher, char *out, uint64_t out_bytes);

/* What is to be said of a matcher as a whole. */
typedef struct tl_matcher_totals {
    uint64_t state_hash;     /* of the whole state: equal states have equal hashes everywhere */
    uint64_t last_seq;       /* of the last command; 0 before the first */
    uint64_t last_timestamp;
    uint64_t waiting;        /* events that wait for room */
    uint32_t open_orders;
    uint32_t cl_ord_ids;     /* used */
} tl_matcher_totals;

/* Fills *totals. 0; or ARGUMENT. Costs nothing to speak of. */
int64_t tl_matcher_state(const tl_matcher *matcher, tl_matcher_totals *totals);

/* Phase of an instrument, TL_TRADING_PHASE_*; 0 if there is no such instrument; or ARGUMENT. */
int64_t tl_matcher_phase(const tl_matcher *matcher, uint32_t instrument_id);

/* Sets *last_px to the price of the last fill. 1: done; 0: no fill yet, or no such instrument; or
 * ARGUMENT. */
int64_t tl_matcher_last_px(const tl_matcher *matcher, uint32_t instrument_id, int64_t *last_px);

/* The best levels of a side (1 bids, 2 offers), best first, at most `capacity`. Returns how many
 * were written (0 too if there is no such instrument); or ARGUMENT. */
int64_t tl_matcher_levels(const tl_matcher *matcher, uint32_t instrument_id, uint8_t side,
                          tl_level *levels, uint64_t capacity);

/* An open order. */
typedef struct tl_matcher_order {
    uint64_t order_id;
    int64_t price;
    uint64_t order_qty;      /* leaves_qty + cum_qty */
    uint64_t leaves_qty;
    uint64_t cum_qty;
    int64_t cum_value;       /* sum of last_px * last_qty over its fills */
    uint64_t priority;       /* rising along a queue */
    char cl_ord_id[20];      /* the newest, zeros behind it */
    uint32_t instrument_id;
    uint32_t session_id;
    uint32_t member_id;
    uint8_t side;
    uint8_t ord_type;
    uint8_t time_in_force;
    uint8_t reserved[5];
} tl_matcher_order;

/* The orders of a side (1 bids, 2 offers): best price first, in the order in which they will
 * execute, at most `capacity`. Result as tl_matcher_levels. */
int64_t tl_matcher_orders(const tl_matcher *matcher, uint32_t instrument_id, uint8_t side,
                          tl_matcher_order *orders, uint64_t capacity);

#ifdef __cplusplus
}
#endif
#endif
