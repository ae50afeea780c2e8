// Register tiles of a matrix product. Floor: compiled once per instruction set; kMaxMR and kMaxNV come from isa/*.cpp.
//
//      B: NV panels of lanes columns         C (MR x NV panels) = [C +] sum over k of A(m, k) * B(k, :)
//         k |  ====  ====
//           v  ====  ====                    for k:                       one FMA chain for each element, k ascending
//    A         C                               for v in NV: load B(k, v)
//  MR |k->    [====][====]                     for m in MR: broadcast A(m, k), NV FMAs
//
// All three products of a step are this loop, for all of them have their vectors along lanes of rows or of units:
//      forward    m = unit above,  k = unit below, lanes = rows:   A = W by columns, B = a
//      backward   m = unit below,  k = unit above, lanes = rows:   A = W by rows,    B = delta
//      gradient   m = unit below,  k = row,        lanes = units:  A = a by rows,    B = delta transposed
// and with lanes = units throughout (lines.inl), where m = row in forward and backward: A = a or delta, B = W.
// "By columns": A(m, k) = a[m + k * a_step]. "By rows": A(m, k) = a[k / lanes * a_step + m * lanes + k % lanes].
// Callers cut k into blocks of kChain and set `accumulate` from the second block on.

template <class T, int MR, int NV>
struct TileSums {
    Vec<T> sum[MR][NV];
};

template <class T, int MR, int NV, class A>
CHAINFIT_INLINE void tile_step(TileSums<T, MR, NV>& acc, A a, const T* b, Index b_panel) {
    Vec<T> bv[NV];
#pragma GCC unroll 4
    for (int v = 0; v < NV; ++v) bv[v] = load(b + v * b_panel);
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m) {
        const Vec<T> am = set1<T>(a(m));
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) acc.sum[m][v] = fma(am, bv[v], acc.sum[m][v]);
    }
}

// C (MR lines of lanes, NV panels apart by c_panel). b and c may not overlap.
template <class T, int MR, int NV, bool ByRows>
void tile(Index k_count, const T* a, Index a_step, const T* b, Index b_panel, T* c, Index c_panel, bool accumulate) {
    constexpr Index V = kLanes<T>;
    TileSums<T, MR, NV> acc;
#pragma GCC unroll 16
    for (int m = 0; m < MR; ++m)
#pragma GCC unroll 4
        for (int v = 0; v < NV; ++v) acc.sum[m][v] = zero<T>();

    if constexpr (ByRows) {
        for (; k_count >= V; k_count -= V, a += a_step) {
            const T* line = a;
            for (Index k = 0; k < V; k += 4, line += 4, b += 4 * V) {
#pragma GCC unroll 4
                for (int u = 0; u < 4; ++u)
                    tile_step<T, MR, NV>(
                        acc, [line, u](int m) CHAINFIT_LAMBDA { return line[m * V + u]; }, b + u * V, b_panel);
            }
        }
        for (Index k = 0; k < k_count; ++k, ++a, b += V)
            tile_step<T, MR, NV>(acc, [a](int m) CHAINFIT_LAMBDA { return a[m * V]; }, b, b_panel);
    } else {
        Index k = 0;
        for (; k + 4 <= k_count; k += 4, b += 4 * V) {
#pragma GCC unroll 4
            for (int u = 0; u < 4; ++u, a += a_step)
                tile_step<T, MR, NV>(acc, [a](int m) CHAINFIT_LAMBDA { return a[m]; }, b + u * V, b_panel);
        }
        for (; k < k_count; ++k, a += a_step, b += V)
            tile_step<T, MR, NV>(acc, [a](int m) CHAINFIT_LAMBDA { return a[m]; }, b, b_panel);
    }

    if (accumulate) {
#pragma GCC unroll 16
        for (int m = 0; m < MR; ++m)
#pragma GCC unroll 4
            for (int v = 0; v < NV; ++v) store(c + v * c_panel + m * V, load(c + v * c_panel + m * V) + acc.sum[m][v]);
    } else {
#pragma GCC unroll 16
        for (int m = 0; m < MR; ++m)
#pragma GCC unroll 4
            for (int v = 0; v < NV; ++v) store(c + v * c_panel + m * V, acc.sum[m][v]);
    }
}

template <class T>
using TileFunction = void (*)(Index, const T*, Index, const T*, Index, T*, Index, bool);

// tiles[v - 1][m - 1]: the kernel of an m x v tile.
template <class T, bool ByRows>
struct TileTable {
    TileFunction<T> tiles[kMaxNV][kMaxMR];

    constexpr TileTable() : tiles{} { fill<1>(); }

   private:
    template <int NV>
    constexpr void fill() {
        fill_lines<NV, 1>();
        if constexpr (NV < kMaxNV) fill<NV + 1>();
    }
    template <int NV, int MR>
    constexpr void fill_lines() {
        tiles[NV - 1][MR - 1] = &tile<T, MR, NV, ByRows>;
        if constexpr (MR < kMaxMR) fill_lines<NV, MR + 1>();
    }
};

template <class T, bool ByRows>
inline constexpr TileTable<T, ByRows> kTiles{};

// Lines [0, lines) of C in tiles of nearly equal height: a remainder of one line would leave the FMA units idle.
template <class T, bool ByRows>
CHAINFIT_INLINE void tiles_down(Index lines, Index nv, Index k_count, const T* a, Index a_step, const T* b,
                                Index b_panel, T* c, Index c_panel, bool accumulate) {
    constexpr Index V = kLanes<T>;
    constexpr Index a_line = ByRows ? V : 1;
    if (lines <= kMaxMR) {
        kTiles<T, ByRows>.tiles[nv - 1][lines - 1](k_count, a, a_step, b, b_panel, c, c_panel, accumulate);
        return;
    }
    const Index tiles = (lines + kMaxMR - 1) / kMaxMR;
    const Index height = lines / tiles;
    const Index higher = lines % tiles;
    Index m = 0;
    for (Index t = 0; t < tiles; ++t) {
        const Index mr = height + (t < higher ? 1 : 0);
        kTiles<T, ByRows>.tiles[nv - 1][mr - 1](k_count, a + m * a_line, a_step, b, b_panel, c + m * V, c_panel,
                                                accumulate);
        m += mr;
    }
}
