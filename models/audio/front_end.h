/* PCM -> log-mel picture; see front_end.c. The sizes are in front_end_tables.h. */

#ifndef FRONT_END_H
#define FRONT_END_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* pcm: FRONT_END_SAMPLES samples. picture: FRONT_END_FRAMES rows of FRONT_END_BANDS values,
 * the input of a UINT8 model; of an INT8 model the input is picture ^ 0x80. */
void front_end(const int16_t *pcm, uint8_t *picture);

#ifdef __cplusplus
}
#endif

#endif
