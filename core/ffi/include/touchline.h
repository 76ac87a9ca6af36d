/* The C ABI of Touchline, by hand; the records are generated.
 *
 * Every function may be called from any thread. None keeps a pointer after it returns, none calls
 * back, none ends the process over its arguments. A function is only ever added; one that changes
 * its meaning gets a new name and raises the version.
 */
#ifndef TOUCHLINE_H
#define TOUCHLINE_H

#include "touchline_records.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Version of this ABI: a caller that was built for another one must not go on. */
#define TL_ABI_VERSION 1
uint32_t tl_abi_version(void);

/* What the library takes its records, its feed messages and its rings to look like. The first two
 * are TL_LAYOUT_HASH and TL_FEED_LAYOUT_HASH of the header that it was built with. */
uint64_t tl_records_layout_hash(void);
uint64_t tl_feed_layout_hash(void);
uint64_t tl_ring_layout_hash(void);

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

#ifdef __cplusplus
}
#endif
#endif
