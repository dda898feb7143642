// Lengths with names: sums of products of variables, compared and solved by name (SPEC section 2).
//
// An open variable is one that a call made for a dimension of its cell; unification binds it. A rigid one stands for itself: the
// dimensions of a cell that is checked on its own, and those that data binds.

export interface Variable {
  readonly id: number;
  readonly name: string;
  readonly open: boolean;
  /** Set once, by `equate`. */
  binding?: Dimension;
  /** A quotient that did not come out as a number when it was written: rounded up, as convolutions have it. */
  readonly quotient?: { readonly numerator: Dimension; readonly denominator: Dimension };
}

interface Term {
  readonly factor: number;
  /** In order of id; none for the constant. */
  readonly variables: readonly Variable[];
}

/** A sum of terms. */
export interface Dimension {
  readonly terms: readonly Term[];
}

let lastId = 0;
export function makeVariable(name: string, open: boolean, quotient?: Variable['quotient']): Variable {
  lastId += 1;
  return quotient === undefined ? { id: lastId, name, open } : { id: lastId, name, open, quotient };
}

export const rigid = (name: string): Dimension => ofVariable(makeVariable(name, false));
export const open = (name: string): Dimension => ofVariable(makeVariable(name, true));
export const constant = (value: number): Dimension => ({ terms: value === 0 ? [] : [{ factor: value, variables: [] }] });
const ofVariable = (variable: Variable): Dimension => ({ terms: [{ factor: 1, variables: [variable] }] });

export const plus = (a: Dimension, b: Dimension): Dimension => collect([...a.terms, ...b.terms]);
export const minus = (a: Dimension, b: Dimension): Dimension => plus(a, scale(b, -1));
const scale = (a: Dimension, by: number): Dimension => ({
  terms: a.terms.map(({ factor, variables }) => ({ factor: factor * by, variables })),
});

export function times(a: Dimension, b: Dimension): Dimension {
  const terms: Term[] = [];
  for (const x of a.terms)
    for (const y of b.terms)
      terms.push({ factor: x.factor * y.factor, variables: [...x.variables, ...y.variables].sort((p, q) => p.id - q.id) });
  return collect(terms);
}

export function over(a: Dimension, b: Dimension): Dimension {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (y === 1) return a;
  if (x !== undefined && y !== undefined && y !== 0) return constant(Math.ceil(x / y));
  // The same quotient is the same variable.
  const key = `${keyOf(a)} / ${keyOf(b)}`;
  const [first] = [...a.terms, ...b.terms].flatMap(({ variables }) => variables);
  const known = first === undefined ? undefined : quotients.get(first);
  const variable = known?.get(key) ?? makeVariable(`${bracketed(a)} / ${bracketed(b)}`, false, { numerator: a, denominator: b });
  if (first !== undefined) quotients.set(first, (known ?? new Map()).set(key, variable));
  return ofVariable(variable);
}

const quotients = new WeakMap<Variable, Map<string, Variable>>();
const keyOf = ({ terms }: Dimension): string =>
  terms
    .map(({ factor, variables }) => `${factor}*${variables.map(({ id }) => id).join('*')}`)
    .sort()
    .join('+');
const bracketed = (a: Dimension): string => (resolve(a).terms.length > 1 ? `(${show(a)})` : show(a));

function collect(terms: readonly Term[]): Dimension {
  const sums = new Map<string, Term>();
  for (const { factor, variables } of terms) {
    const key = variables.map((variable) => variable.id).join('*');
    sums.set(key, { factor: factor + (sums.get(key)?.factor ?? 0), variables });
  }
  return { terms: [...sums.values()].filter(({ factor }) => factor !== 0) };
}

/** With everything that is bound put in. */
export function resolve(dimension: Dimension): Dimension {
  if (dimension.terms.every(({ variables }) => variables.every(isSettled))) return collect(dimension.terms);
  let sum: Dimension = { terms: [] };
  for (const { factor, variables } of dimension.terms) {
    let product = constant(factor);
    for (const variable of variables) {
      const { binding, quotient } = variable;
      let value = ofVariable(variable);
      if (binding !== undefined) value = resolve(binding);
      else if (quotient !== undefined) {
        value = over(resolve(quotient.numerator), resolve(quotient.denominator));
      }
      product = times(product, value);
    }
    sum = plus(sum, product);
  }
  return sum;
}
const isSettled = ({ binding, quotient }: Variable): boolean => binding === undefined && quotient === undefined;

export function numberOf(dimension: Dimension): number | undefined {
  const { terms } = resolve(dimension);
  if (terms.length === 0) return 0;
  const [first] = terms;
  return terms.length === 1 && first!.variables.length === 0 ? first!.factor : undefined;
}

/** The one variable that this dimension is, if it is no more than that. */
export function variableOf(dimension: Dimension): Variable | undefined {
  const { terms } = resolve(dimension);
  const [first] = terms;
  return terms.length === 1 && first!.factor === 1 && first!.variables.length === 1 ? first!.variables[0] : undefined;
}

export const isOpen = (dimension: Dimension): boolean =>
  resolve(dimension).terms.some(({ variables }) => variables.some((variable) => variable.open));

/** Equal as written, before anything that is bound is put in: `S` is `S` and not `A`, though both are 64. */
export const isWrittenAs = (a: Dimension, b: Dimension): boolean => minus(a, b).terms.length === 0;

export const isSame = (a: Dimension, b: Dimension): boolean => resolve(minus(resolve(a), resolve(b))).terms.length === 0;

/** Makes two dimensions equal by binding an open variable; false where they cannot be. */
export function equate(a: Dimension, b: Dimension): boolean {
  const difference = resolve(minus(resolve(a), resolve(b)));
  if (difference.terms.length === 0) return true;
  const candidates = difference.terms.filter(({ variables }) => variables.length === 1 && variables[0]!.open);
  for (const term of candidates.sort((x, y) => Math.abs(x.factor) - Math.abs(y.factor))) {
    const variable = term.variables[0]!;
    const rest = difference.terms.filter((each) => each !== term);
    if (rest.some(({ variables }) => variables.some((other) => isMadeOf(other, variable)))) continue;
    if (rest.some(({ factor }) => factor % term.factor !== 0)) continue;
    const binding = { terms: rest.map(({ factor, variables }) => ({ factor: -factor / term.factor, variables })) };
    const size = numberOf(binding);
    if (size !== undefined && size < 1) return false;
    variable.binding = binding;
    return true;
  }
  return false;
}

/** Whether it is the variable, or a quotient in which it occurs. */
function isMadeOf({ quotient, ...other }: Variable, variable: Variable): boolean {
  if (other.id === variable.id) return true;
  if (quotient === undefined) return false;
  return [quotient.numerator, quotient.denominator].some((part) =>
    resolve(part).terms.some(({ variables }) => variables.some((each) => isMadeOf(each, variable))),
  );
}

export function show(dimension: Dimension): string {
  const { terms } = resolve(dimension);
  if (terms.length === 0) return '0';
  return terms
    .map(({ factor, variables }, index) => {
      const names = variables.map(({ name }) => name).join(' * ');
      const size = Math.abs(factor);
      const text = names === '' ? `${size}` : size === 1 ? names : `${size} * ${names}`;
      if (index === 0) return factor < 0 ? `-${text}` : text;
      return factor < 0 ? ` - ${text}` : ` + ${text}`;
    })
    .join('');
}

export const showShape = (shape: readonly Dimension[]): string => `[${shape.map(show).join(', ')}]`;

/** Its value, where `sizes` gives that of every variable; undefined where one is missing. */
export function evaluate(dimension: Dimension, sizes: (name: string) => number | undefined): number | undefined {
  let sum = 0;
  for (const { factor, variables } of resolve(dimension).terms) {
    let product = factor;
    for (const { name, quotient } of variables) {
      const value =
        quotient === undefined ? sizes(name) : ratio(evaluate(quotient.numerator, sizes), evaluate(quotient.denominator, sizes));
      if (value === undefined) return undefined;
      product *= value;
    }
    sum += product;
  }
  return sum;
}
const ratio = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : Math.ceil(a / b);
