/* Embeds the matcher: a bid, an offer that meets it, and the events of both.
 *
 *     T=$(python -c 'import touchline.core; print(touchline.core.__path__[0])')
 *     cc -std=c11 -o matcher matcher.c -I"$T/include" -L"$T" -ltouchline -Wl,-rpath,"$T"
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "touchline.h"

enum { EVENTS = 8 };

/* A day order of member 1 at a price. seq and timestamp stay 0: the matcher gives them. */
static tl_command new_order(const char *cl_ord_id, uint8_t side, int64_t price, uint64_t qty) {
    tl_command command = {
        .kind = TL_COMMAND_KIND_NEW_ORDER,
        .instrument_id = 1,
        .member_id = 1,
        .session_id = 1,
        .side = side,
        .ord_type = TL_ORD_TYPE_LIMIT,
        .time_in_force = TL_TIME_IN_FORCE_DAY,
        .price = price,
        .order_qty = qty,
    };
    /* A ClOrdID has zeros behind it, and none if it has all 20 characters. */
    size_t length = strlen(cl_ord_id);
    memcpy(command.cl_ord_id, cl_ord_id, length < 20 ? length : 20);
    return command;
}

static void print_event(const tl_event *event) {
    static const char *const names[] = {
        [TL_EVENT_KIND_ACCEPTED] = "accepted", [TL_EVENT_KIND_REJECTED] = "rejected",
        [TL_EVENT_KIND_ADDED] = "added",       [TL_EVENT_KIND_EXECUTED] = "executed",
        [TL_EVENT_KIND_CANCELED] = "canceled",
    };
    const size_t known = sizeof names / sizeof *names;
    const char *name = event->kind < known ? names[event->kind] : NULL;
    printf("%" PRIu64 ": %s %.20s", event->seq, name ? name : "?", event->cl_ord_id);
    if (event->kind == TL_EVENT_KIND_EXECUTED)
        printf(", %" PRIu64 " at %" PRId64, event->last_qty, event->last_px);
    printf(", leaves %" PRIu64 "%s\n", event->leaves_qty,
           event->flags & TL_EVENT_FLAGS_END_OF_EVENT ? "." : "");
}

int main(void) {
    /* The library that is loaded has to be the one of this header. */
    if (tl_abi_version() != TL_ABI_VERSION || tl_records_layout_hash() != TL_LAYOUT_HASH) {
        fprintf(stderr, "libtouchline is of another version than touchline.h\n");
        return 1;
    }
    const tl_instrument_limits instrument = {
        .instrument_id = 1,
        .min_price = 1,
        .max_price = 100000,
        .max_order_qty = 1000,
        .phase = TL_TRADING_PHASE_CONTINUOUS,
    };
    const tl_matcher_capacity capacity = {
        .instruments = 1, .orders = 1000, .levels = 100, .cl_ord_ids = 10000,
    };
    tl_matcher *matcher;
    char error[256] = "";
    if (tl_matcher_new(&instrument, 1, &capacity, &matcher, error, sizeof error - 1) != 0) {
        fprintf(stderr, "no matcher: %s\n", error);
        return 1;
    }

    const tl_command commands[] = {
        new_order("BID-1", TL_SIDE_BUY, 5000, 10),
        new_order("OFFER-1", TL_SIDE_SELL, 4999, 4),
    };
    const uint64_t count = sizeof commands / sizeof *commands;
    tl_event events[EVENTS];
    tl_matcher_batch batch = {0};
    uint64_t done = 0;
    /* Until every command is applied and no event waits: with any room, nothing is lost. */
    do {
        int64_t code =
            tl_matcher_apply(matcher, commands + done, count - done, events, EVENTS, &batch);
        for (uint64_t at = 0; at < batch.events; at++)
            print_event(&events[at]);
        done += batch.commands;
        if (code != 0) {
            tl_matcher_why(matcher, error, sizeof error - 1);
            fprintf(stderr, "stopped at command %" PRIu64 ": %s\n", done, error);
            tl_matcher_free(matcher);
            return 1;
        }
    } while (done < count || batch.waiting > 0);

    tl_level bid;
    if (tl_matcher_levels(matcher, 1, TL_SIDE_BUY, &bid, 1) == 1)
        printf("best bid: %" PRIu64 " at %" PRId64 "\n", bid.qty, bid.price);
    tl_matcher_free(matcher);
    return 0;
}
