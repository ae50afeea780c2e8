// What the solver's next step makes of one weight. The rules are those of chainfit.reference.

const solver_name = () => ({ sgd: "gradient descent", adam: "Adam", lbfgs: "L-BFGS" })[data.solver];

const NO_RULE =
  "L-BFGS has no rule for a single weight: each of its steps is made of the gradients of all " +
  "weights, now and before.";

const SLOTS = { sgd: 0, momentum: 1, nesterov: 1, adam: 2 };

// { fresh, lines }: the new weight, and a function that writes the formulas leading to it.
// Without a rule, or where its memory of earlier steps was not kept: { fresh: null, why }.
function update_of(epoch, w, g, address) {
  const settings = data.epochs[epoch].update;
  if (data.solver === "lbfgs") return { fresh: null, why: NO_RULE };
  if (!settings)
    return { fresh: null, why: `What ${solver_name()} remembered at this epoch was not kept.` };
  const held = slots(epoch).map((slot) => parameter(slot, address));
  while (held.length < SLOTS[settings.rule]) held.push(0); // before the first step
  const letter = address.i < 0 ? "b" : "w";
  const derivative = partial(symbol.loss(), symbol.weight(address));
  return RULES[settings.rule](settings, w, g, held, letter, derivative);
}

const old = (letter) => ({ base: letter, word: "old" });
const fresh_of = (letter) => ({ base: letter, word: "new" });
const num = (value) => mn(value, { brackets: true });

// left = symbols = numbers = value
const line = (left, symbols, numbers, value) => [
  left,
  equals(),
  ...symbols,
  equals(),
  ...numbers,
  ...result(numbers, value),
];

const RULES = {
  sgd({ eta }, w, g, held, letter, dJ) {
    const fresh = w - eta * g;
    const symbols = [old(letter), minus(), "η", dot(), dJ];
    return {
      fresh,
      lines: () => [
        line(fresh_of(letter), symbols, [mn(w), minus(), num(eta), dot(), num(g)], fresh),
      ],
    };
  },

  momentum({ eta, mu }, w, g, [before], letter, dJ) {
    const v = mu * before - eta * g;
    const fresh = w + v;
    return {
      fresh,
      lines: () => [
        velocity(mu, before, eta, g, v, dJ),
        line(
          fresh_of(letter),
          [old(letter), mo("+"), fresh_of("v")],
          [mn(w), mo("+"), num(v)],
          fresh,
        ),
      ],
    };
  },

  nesterov({ eta, mu }, w, g, [before], letter, dJ) {
    const v = mu * before - eta * g;
    const fresh = w + mu * v - eta * g;
    const symbols = [old(letter), mo("+"), "μ", fresh_of("v"), minus(), "η", dot(), dJ];
    const numbers = [mn(w), mo("+"), num(mu), dot(), num(v), minus(), num(eta), dot(), num(g)];
    return {
      fresh,
      lines: () => [
        velocity(mu, before, eta, g, v, dJ),
        line(fresh_of(letter), symbols, numbers, fresh),
      ],
    };
  },

  adam({ eta, beta1, beta2, eps, steps }, w, g, [m_old, v_old], letter, dJ) {
    const t = steps + 1;
    const m = beta1 * m_old + (1 - beta1) * g;
    const v = beta2 * v_old + (1 - beta2) * (g * g);
    const eta_t = (eta * Math.sqrt(1 - beta2 ** t)) / (1 - beta1 ** t);
    const fresh = w - (eta_t * m) / (Math.sqrt(v) + eps);
    const one = () => mathml("mn", null, "1");
    const two = () => mathml("mn", null, "2");
    const beta = (k) => ({ base: "β", sub: k });
    const rest = (k) => wrap(one(), minus(), part(beta(k)));
    const decayed = (k) =>
      mrow(one(), minus(), mathml("msubsup", null, mi("β"), mathml("mn", null, k), mi("t")));
    const squared = (x) => mathml("msup", null, wrap(x), two());
    const root = (x) => mathml("msqrt", null, x);
    const moment = (name, k, of_g, before, decay, g_part, after) =>
      line(
        fresh_of(name),
        [beta(k), old(name), mo("+"), rest(k), of_g],
        [num(decay), dot(), num(before), mo("+"), num(1 - decay), dot(), g_part],
        after,
      );
    const denominator = mrow(root(part(fresh_of("v"))), mo("+"), mi("ε"));
    return {
      fresh,
      lines: () => [
        moment("m", "1", dJ, m_old, beta1, num(g), m),
        moment("v", "2", squared(part(dJ)), v_old, beta2, squared(mn(g)), v),
        [
          { base: "η", sub: "t" },
          equals(),
          "η",
          frac(root(decayed("2")), decayed("1")),
          equals(),
          mn(eta_t),
          label(`at t = ${count_of(t)}`),
        ],
        line(
          fresh_of(letter),
          [old(letter), minus(), { base: "η", sub: "t" }, frac(part(fresh_of("m")), denominator)],
          [mn(w), minus(), num(eta_t), dot(), frac(mn(m), mrow(root(mn(v)), mo("+"), mn(eps)))],
          fresh,
        ),
      ],
    };
  },
};

function velocity(mu, before, eta, g, after, dJ) {
  const symbols = ["μ", old("v"), minus(), "η", dot(), dJ];
  const numbers = [num(mu), dot(), num(before), minus(), num(eta), dot(), num(g)];
  return line(fresh_of("v"), symbols, numbers, after);
}
