// Dropout's random masks, and what they multiply. Floor: compiled once per instruction set.
// A counter-based generator: each element's 32 bits follow from the key of seed, step and layer (engine/dropout), its
// row in the batch and its unit, through the two rounds of a hash with full avalanche (C. Wellons, "lowbias32", 2018).
// So threads, tiles and instruction sets can't change a bit. reference.dropout is the same in NumPy.

inline constexpr std::uint32_t kGolden = 0x9E3779B9u;  // 2^32 over the golden ratio: steps that spread evenly
inline constexpr std::uint32_t kHash1 = 0x7FEB352Du, kHash2 = 0x846CA68Bu;

// As many numbers as a vector of T has lanes, as the compiler's own vectors: integers have no place in Vec, and a loop
// over lanes would become branches. Truth is what a comparison gives, Bits a vector of T as integers.
template <class T>
struct MaskTypes;
template <>
struct MaskTypes<float> {
    typedef std::uint32_t Words __attribute__((vector_size(64)));
    typedef std::int32_t Truth __attribute__((vector_size(64)));
    typedef std::int32_t Bits __attribute__((vector_size(64)));
};
template <>
struct MaskTypes<double> {
    typedef std::uint32_t Words __attribute__((vector_size(32)));
    typedef std::int32_t Truth __attribute__((vector_size(32)));
    typedef std::int64_t Bits __attribute__((vector_size(64)));
};
template <class T>
using Words = typename MaskTypes<T>::Words;

template <class W>
CHAINFIT_INLINE W hash_with(W x, W between) {
    x ^= x >> 16;
    x *= kHash1;
    x ^= between;
    x ^= x >> 15;
    x *= kHash2;
    return x ^ (x >> 16);
}

// Two numbers of a row: where its units begin to be counted, and what goes between the rounds, so that rows whose
// counts overlap have nothing else in common. W: of one row, or of one in each lane.
template <class W, class T>
CHAINFIT_INLINE W row_key(const Dropout<T>& dropout, int which, W row) {
    return hash_with<W>(row * kGolden + dropout.key[which], row ^ row);
}

// position, position + 1, ...
template <class T>
CHAINFIT_INLINE Words<T> lanes_from(Index position) {
    Words<T> lanes;
    for (Index i = 0; i < kLanes<T>; ++i) lanes[i] = static_cast<std::uint32_t>(position + i);
    return lanes;
}

// 0 or the scale, for each lane.
template <class T>
CHAINFIT_INLINE void store_factors(const Dropout<T>& dropout, Words<T> bits, T* out) {
    using Bits = typename MaskTypes<T>::Bits;
    const typename MaskTypes<T>::Truth dropped = bits < dropout.threshold;
    alignas(64) T scales[kLanes<T>];
    store(scales, set1<T>(dropout.scale));
    Bits factors;
    __builtin_memcpy(&factors, scales, sizeof(factors));
    factors &= ~__builtin_convertvector(dropped, Bits);
    __builtin_memcpy(out, &factors, sizeof(factors));
}

// Vectors whose factors are held in L1 at a time.
inline constexpr Index kMaskBlock = 16;

// Calls visit(i, n, factors) for blocks of n <= kMaskBlock of `count` vectors, the first of them of `row` and `unit`.
template <class T, bool lines, class Visit>
CHAINFIT_INLINE void for_factors(const Dropout<T>& dropout, Index count, Index row, Index unit, Visit visit) {
    constexpr Index V = kLanes<T>;
    alignas(64) T factors[kMaskBlock * V];
    // what is the same for all vectors: the keys of a row in each lane, or the numbers of the units
    const Words<T> across = lanes_from<T>(lines ? unit : row);
    const Words<T> begin = lines ? across * kGolden : row_key<Words<T>>(dropout, 0, across);
    const Words<T> between = row_key<Words<T>>(dropout, 1, across);
    for (Index i = 0; i < count; i += kMaskBlock) {
        const Index n = kMaskBlock < count - i ? kMaskBlock : count - i;
        for (Index v = 0; v < n; ++v) {
            const auto at = static_cast<std::uint32_t>((lines ? row : unit) + i + v);
            Words<T> bits;
            if constexpr (lines)
                bits = hash_with<Words<T>>(begin + row_key<std::uint32_t>(dropout, 0, at),
                                           (across ^ across) + row_key<std::uint32_t>(dropout, 1, at));
            else
                bits = hash_with<Words<T>>(begin + at * kGolden, between);
            store_factors(dropout, bits, factors + v * V);
        }
        visit(i, n, static_cast<const T*>(factors));
    }
}

template <class T>
CHAINFIT_INLINE void multiply(T* c, const T* factors, Index count) {
    for (Index i = 0; i < count * kLanes<T>; i += kLanes<T>) store(c + i, load(c + i) * load(factors + i));
}

template <class T, bool lines>
void mask(const Dropout<T>& dropout, T* c, Index count, Index row, Index unit) {
    for_factors<T, lines>(dropout, count, row, unit, [c](Index i, Index n, const T* factors) CHAINFIT_LAMBDA {
        multiply(c + i * kLanes<T>, factors, n);
    });
}

template <class T>
void mask_values(const Dropout<T>& dropout, T* value, const std::int32_t* column, Index count, Index row) {
    const auto at = static_cast<std::uint32_t>(row);
    const std::uint32_t begin = row_key(dropout, 0, at), between = row_key(dropout, 1, at);
    for (Index n = 0; n < count; ++n) {
        const std::uint32_t bits = hash_with(begin + static_cast<std::uint32_t>(column[n]) * kGolden, between);
        value[n] *= bits < dropout.threshold ? T(0) : dropout.scale;
    }
}

// Where the activation keeps no slope, its backward function makes one of the factors: factor f'(z), from a = f(z).
template <class T, bool lines>
void drop(const Epilogue<T>& epilogue, T* c, const T* bias, Index count, Index row, Index unit) {
    constexpr Index V = kLanes<T>;
    const Dropout<T>& dropout = *epilogue.dropout;
    dropout.forward(epilogue, c, bias, count, row, unit);
    T* slope = epilogue.kept + (c - epilogue.out);
    for_factors<T, lines>(dropout, count, row, unit, [&](Index i, Index n, const T* factors) CHAINFIT_LAMBDA {
        if (dropout.keeps_slope) {
            multiply(slope + i * V, factors, n);
        } else {
            for (Index at = 0; at < n * V; at += V) store(slope + i * V + at, load(factors + at));
            dropout.backward(epilogue, slope + i * V, c + i * V, n, row, unit);
        }
        multiply(c + i * V, factors, n);
    });
}

template <class T>
void multiply_by_slope(const Epilogue<T>&, T* delta, const T* kept, Index count, Index, Index) {
    multiply(delta, kept, count);
}
