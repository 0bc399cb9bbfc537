/* PCM -> log-mel picture, the same bits as models/audio/front_end.py computes.
 *
 * C99, no libraries, no floats, no allocation: FRONT_END_FRAME 32-bit numbers twice and
 * FRONT_END_FRAMES * FRONT_END_BANDS 16-bit numbers of memory. Not for two threads at once.
 * The tables and sizes are in front_end_tables.h, which is written for one model.
 */

#include "front_end.h"

#include "front_end_tables.h"

static int32_t real[FRONT_END_FRAME];
static int32_t imaginary[FRONT_END_FRAME];
static uint16_t levels[FRONT_END_FRAMES * FRONT_END_BANDS];

/* value / 2^15 to the nearest, half up, also where >> of what is negative is not defined. */
static int32_t rounded(int64_t value)
{
    value += (int64_t)1 << 14;
    return (int32_t)(value >= 0 ? value >> 15 : ~(~value >> 15));
}

static uint32_t reversed(uint32_t number)
{
    uint32_t turned = 0;
    for (uint32_t bit = 1; bit < FRONT_END_FRAME; bit *= 2) {
        turned = turned * 2 + (number & 1);
        number >>= 1;
    }
    return turned;
}

static void load(const int16_t *pcm)
{
    for (uint32_t n = 0; n < FRONT_END_FRAME; n++) {
        uint32_t place = reversed(n);
        real[place] = rounded((int64_t)pcm[n] * front_end_window[n]);
        imaginary[place] = 0;
    }
}

static void butterfly(uint32_t at, uint32_t half, uint32_t turn)
{
    int64_t cosine = front_end_cosines[turn], sine = front_end_sines[turn];
    int64_t a = real[at + half], b = imaginary[at + half];
    int32_t turned = rounded(a * cosine + b * sine);
    int32_t other = rounded(b * cosine - a * sine);
    real[at + half] = real[at] - turned;
    imaginary[at + half] = imaginary[at] - other;
    real[at] += turned;
    imaginary[at] += other;
}

static void transform(void)
{
    for (uint32_t half = 1; half < FRONT_END_FRAME; half *= 2)
        for (uint32_t start = 0; start < FRONT_END_FRAME; start += 2 * half)
            for (uint32_t k = 0; k < half; k++)
                butterfly(start + k, half, k * (FRONT_END_FRAME / 2 / half));
}

static uint64_t mel_sum(uint32_t band)
{
    uint64_t sum = 0;
    uint32_t bin = front_end_first_bins[band];
    for (uint32_t at = front_end_starts[band]; at < front_end_starts[band + 1]; at++, bin++) {
        int64_t a = real[bin], b = imaginary[bin];
        sum += (uint64_t)(a * a + b * b) * front_end_weights[at];
    }
    return sum;
}

/* The logarithm of base 2 in steps, to the nearest; of 0 it is 0. */
static uint16_t logarithm(uint64_t power)
{
    uint32_t octaves = 0, within = 0;
    if (power == 0)
        return 0;
    while (power >> octaves > 1)
        octaves++;
    power = octaves > 31 ? power >> (octaves - 31) : power << (31 - octaves);
    while (within < FRONT_END_STEPS && power >= front_end_steps[within])
        within++;
    return (uint16_t)(octaves * FRONT_END_STEPS + within);
}

void front_end(const int16_t *pcm, uint8_t *picture)
{
    int32_t top = FRONT_END_QUIETEST;
    uint32_t count = FRONT_END_FRAMES * FRONT_END_BANDS;
    for (uint32_t frame = 0; frame < FRONT_END_FRAMES; frame++) {
        load(pcm + frame * FRONT_END_HOP);
        transform();
        for (uint32_t band = 0; band < FRONT_END_BANDS; band++)
            levels[frame * FRONT_END_BANDS + band] = logarithm(mel_sum(band));
    }
    for (uint32_t at = 0; at < count; at++)
        if (levels[at] > top)
            top = levels[at];
    for (uint32_t at = 0; at < count; at++) {
        int32_t value = 255 - (top - levels[at]);
        picture[at] = (uint8_t)(value < 0 ? 0 : value);
    }
}
