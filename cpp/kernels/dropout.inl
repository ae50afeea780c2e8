// Dropout's random masks, and what they multiply. Floor: compiled once per instruction set.
// A counter-based generator: each element's 32 bits follow from the key of seed, step and layer (engine/dropout), its
// row in the batch and its unit, through the two rounds of a hash with full avalanche (C. Wellons, "lowbias32", 2018).
// So threads, tiles and instruction sets can't change a bit. reference.dropout is the same in NumPy.

inline constexpr std::uint32_t kGolden = 0x9E3779B9u;  // 2^32 over the golden ratio: steps that spread evenly
inline constexpr std::uint32_t kHash1 = 0x7FEB352Du, kHash2 = 0x846CA68Bu;

CHAINFIT_INLINE std::uint32_t hash_with(std::uint32_t x, std::uint32_t between) {
    x ^= x >> 16;
    x *= kHash1;
    x ^= between;
    x ^= x >> 15;
    x *= kHash2;
    return x ^ (x >> 16);
}

// Two numbers of a row: where its units begin to be counted, and what goes between the rounds, so that rows whose
// counts overlap have nothing else in common.
template <class T>
CHAINFIT_INLINE std::uint32_t row_key(const Dropout<T>& dropout, int which, Index row) {
    return hash_with(dropout.key[which] + static_cast<std::uint32_t>(row) * kGolden, 0);
}

template <class T>
CHAINFIT_INLINE T factor_of(const Dropout<T>& dropout, std::uint32_t begin, std::uint32_t between, Index unit) {
    const std::uint32_t bits = hash_with(begin + static_cast<std::uint32_t>(unit) * kGolden, between);
    return bits < dropout.threshold ? T(0) : dropout.scale;
}

// Vectors whose factors are held in L1 at a time.
inline constexpr Index kMaskBlock = 16;

// Calls visit(i, n, factors) for blocks of n <= kMaskBlock of `count` vectors, the first of them of `row` and `unit`.
template <class T, bool lines, class Visit>
CHAINFIT_INLINE void for_factors(const Dropout<T>& dropout, Index count, Index row, Index unit, Visit visit) {
    constexpr Index V = kLanes<T>;
    alignas(64) T factors[kMaskBlock * V];
    std::uint32_t begin[V], between[V];
    for (Index r = 0; !lines && r < V; ++r) {
        begin[r] = row_key(dropout, 0, row + r);
        between[r] = row_key(dropout, 1, row + r);
    }
    for (Index i = 0; i < count; i += kMaskBlock) {
        const Index n = kMaskBlock < count - i ? kMaskBlock : count - i;
        for (Index v = 0; v < n; ++v) {
            T* out = factors + v * V;
            if constexpr (lines) {
                const std::uint32_t first = row_key(dropout, 0, row + i + v), second = row_key(dropout, 1, row + i + v);
                for (Index u = 0; u < V; ++u) out[u] = factor_of(dropout, first, second, unit + u);
            } else {
                for (Index r = 0; r < V; ++r) out[r] = factor_of(dropout, begin[r], between[r], unit + i + v);
            }
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
    const std::uint32_t begin = row_key(dropout, 0, row), between = row_key(dropout, 1, row);
    for (Index n = 0; n < count; ++n) value[n] *= factor_of(dropout, begin, between, column[n]);
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
