"""The oracle with its error bounds: a gradient, a step, and how far the core may be from them.

A bound is counted rounding by rounding, along with what it bounds.
"""

# ruff: noqa: E741 - l is the layer, as in the reference

import numpy as np

from chainfit import reference

# Roundings of one elementwise function, as tests/exact.py has them: 5 ulp are 10 u.
ELEMENTWISE = 10
STEEPEST = 1.76  # selu's slope below 0


def kinked(activation):
    known, z = reference.ACTIVATIONS[activation], np.array([-1e-6, 1e-6])
    sides = known.df(known.f(z) if known.given == "a" else z) * np.ones(2)
    return abs(sides[1] - sides[0]) > 0.1


class Bounded:
    """The reference's gradient in float64, and how far the core may be from it.

    u is the core's unit roundoff. E_x bounds |x in the core - x here|: a sum of n products is off
    by (n + 2) u times the sum of their sizes, whatever its order (Higham 2002, section 3.1), and
    errors of the factors pass through linearly. Activations have |f'| <= STEEPEST, |f''| <= 2. The
    second order of it all is covered by the factor 1.1, and float64's own errors here by taking
    the whole for u + 2^-53.
    """

    def __init__(self, net, W, b, l2):
        self.u = u = float(np.finfo(net.dtype).eps) / 2 + 2.0**-53
        # what is flushed to 0 is at most this, after the few square roots and products here
        self.floor = float(np.finfo(net.dtype).tiny) ** 0.5
        X, Y = net.X.astype(float), net.Y.astype(float)
        w = np.ones(len(X)) if net.weight is None else net.weight.astype(float)
        self.J, dW, db = reference.gradient(
            X, Y, W, b, activation=net.activation, loss=net.loss, l2=l2, sample_weight=w
        )
        self.g = [*dW, *db]
        a = reference.forward(X, W, b, net.activation, net.link)
        delta = reference.deltas(a, Y, W, net.activation, w, b, net.loss)

        L = len(W)
        E_a, E_z = [np.zeros_like(X)], []
        for l in range(L):
            n = len(W[l]) + 2
            E_z.append(n * u * (abs(a[l]) @ abs(W[l]) + abs(b[l])) + E_a[l] @ abs(W[l]))
            if l < L - 1:
                E_a.append(STEEPEST * E_z[l] + ELEMENTWISE * u * abs(a[l + 1]))
        E_a.append(self._link_error(net.link, a[L], E_z[-1]))

        share = (w / w.sum())[:, None]
        # three roundings, and those of the weights' sum, which is formed in double
        E_share = 3 * u + len(X) * 2.0**-53
        E_delta = {L: share * (E_a[L] + E_share * abs(a[L] - Y))}
        for l in range(L - 1, 0, -1):
            n = W[l].shape[1] + 2
            back, size = delta[l + 1] @ W[l].T, abs(delta[l + 1]) @ abs(W[l].T)
            E_back = n * u * size + E_delta[l + 1] @ abs(W[l].T)
            known, z = reference.ACTIVATIONS[net.activation], a[l - 1] @ W[l - 1] + b[l - 1]
            df = known.df(a[l] if known.given == "a" else z) * np.ones_like(a[l])
            E_df = 2 * E_a[l] + 3 * u * abs(df)
            if known.given == "z":
                E_df = 2 * E_z[l - 1] + ELEMENTWISE * u
            if kinked(net.activation):  # the core may be on the other side of the kink
                E_df = E_df + (abs(z) <= E_z[l - 1])
            E_delta[l] = (abs(df) + E_df) * E_back + abs(back) * E_df + u * abs(delta[l])

        n = len(X) + 2
        E_W = [
            n * u * (abs(a[l]).T @ abs(delta[l + 1]))
            + E_a[l].T @ abs(delta[l + 1])
            + (abs(a[l]) + E_a[l]).T @ E_delta[l + 1]
            + E_share * l2 / w.sum() * abs(W[l])
            for l in range(L)
        ]
        E_b = [n * u * abs(delta[l + 1]).sum(axis=0) + E_delta[l + 1].sum(axis=0) for l in range(L)]
        self.E = [1.1 * E + self.floor for E in (*E_W, *E_b)]
        # dJ/dz[L] = delta[L]; the loss itself: roundings of some terms of the size of y, a, ln a
        rows = abs(reference.LOSSES[net.loss].rows(Y, a[L]))
        sizes = rows + (1 + abs(Y) + abs(a[L])).sum(axis=1) * 8
        self.E_data = 1.1 * (
            (abs(delta[L]) * E_z[-1]).sum()
            + (share[:, 0] * sizes).sum() * (ELEMENTWISE + len(Y.T)) * u
        )
        self.penalty = l2 / 2 * sum((W_l**2).sum() for W_l in W) / w.sum()
        # a lane's chain of at most 112 lines, the tree, the square
        self.E_penalty = 130 * u * self.penalty

    def _link_error(self, link, a, E_z):
        u, n = self.u, a.shape[1]
        if link == "identity":
            return E_z
        if link == "logistic":
            return E_z / 4 + ELEMENTWISE * u * a
        if link == "exp":
            return a * np.expm1(E_z) + ELEMENTWISE * u * a
        # softmax: da_j = a_j (dz_j - sum_k a_k dz_k); z - max is rounded, max - z <= -ln a_j
        distance = -np.log(np.maximum(a, 1e-300))
        own = u * a * (distance + 1.4 * n + ELEMENTWISE)
        return 2 * a * E_z.max(axis=1, keepdims=True) + own

    def assert_gradient(self, data, penalty, dW, db):
        assert abs(data + penalty - self.J) <= self.E_data + self.E_penalty
        assert abs(penalty - self.penalty) <= self.E_penalty + self.floor
        for got, right, E in zip([*dW, *db], self.g, self.E, strict=True):
            assert (abs(got - right) <= E).all()


def step_errors(optimizer, state, p, g, E, slots, u):
    """Bound the errors of (p, slots) after a step from exact p and slots, g being off by E.

    Beside E each formula has at most 8 roundings, those of eta, mu, beta and so on as numbers of
    the core's dtype among them; p itself is rounded once.
    """
    eta, mu = state.eta, state.mu
    if optimizer == "rmsprop":
        (v,), c = slots, 1 - state.rho
        v_new = state.rho * v + c * g * g
        E_v = c * (2 * abs(g) * E + E * E) + 8 * u * v_new
        low, high = np.sqrt(np.maximum(v_new - E_v, 0)), np.sqrt(v_new + E_v)
        most = eta * (abs(g) + E) / (low + state.eps)
        E_p = most - eta * abs(g) / (high + state.eps)
        return E_p + 8 * u * most + u * (abs(p) + most), [E_v]
    if len(slots) < 2:
        size = eta * abs(g) + (mu * abs(slots[0]) if slots else 0)
        E_velocity = eta * E + 8 * u * size
        E_p = E_velocity
        if optimizer == "nesterov":
            E_p = (1 + mu) * E_velocity + 8 * u * (1 + mu) * size
        return E_p + u * (abs(p) + 2 * size), [E_velocity] * len(slots)
    c1, c2 = 1 - state.beta1, 1 - state.beta2
    m, v = slots
    m_new, v_new = state.beta1 * m + c1 * g, state.beta2 * v + c2 * g * g
    E_m = c1 * E + 8 * u * (state.beta1 * abs(m) + c1 * abs(g))
    E_v = c2 * (2 * abs(g) * E + E * E) + 8 * u * v_new
    t = state.steps
    eta_t = eta * np.sqrt(1 - state.beta2**t) / (1 - state.beta1**t)
    low, high = np.sqrt(np.maximum(v_new - E_v, 0)), np.sqrt(v_new + E_v)
    # both factors at their worst: m / (sqrt v + eps)
    most = (abs(m_new) + E_m) / (low + state.eps)
    E_p = eta_t * (E_m / (low + state.eps) + abs(m_new) * (high - low) / (low + state.eps) ** 2)
    return E_p + 8 * u * eta_t * most + u * (abs(p) + eta_t * most), [E_m, E_v]
