// What activations, losses and optimizers have in common: lists of types, and parameters. Floor: compiled once per
// instruction set. A rule is a struct of constants and inline functions; its parameters are read by their position.

template <class...>
struct TypeList {};

template <class, class>
inline constexpr bool kSame = false;
template <class A>
inline constexpr bool kSame<A, A> = true;

template <class Item, std::size_t n>
constexpr List<Item> list(const Item (&items)[n]) {
    return {items, static_cast<Index>(n)};
}

inline constexpr double kInfinity = __builtin_inf();

struct NoParameters {
    static constexpr List<Parameter> parameters{};
};

constexpr List<Parameter> parameters_of(List<Parameter> none) { return none; }
template <std::size_t n>
constexpr List<Parameter> parameters_of(const Parameter (&parameters)[n]) {
    static_assert(n <= kMaxParameters);
    return list(parameters);
}
