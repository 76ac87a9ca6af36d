/* The C ABI of Touchline, by hand; the records are generated.
 *
 * Every function may be called from any thread. None keeps a pointer after it returns, none calls
 * back, none ends the process over its arguments. A function is only ever added; one that changes its
 * meaning gets a new name and raises the version.
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
 * Writes at most out_bytes bytes to out, no NUL, and returns the length of the whole text: more than
 * out_bytes means that the caller asks again with more room. A negative result is minus the length of
 * a text that says why there is no venue, written to out likewise. 0: an argument is NULL. */
int64_t tl_describe_venue(const char *path, char *out, uint64_t out_bytes);

#ifdef __cplusplus
}
#endif
#endif
