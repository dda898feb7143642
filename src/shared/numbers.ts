// How numbers are written everywhere: short, without a leading zero, with a true minus.

/** 2 decimals below 10 (`.71`), 1 up to 100, none above; exponents below 1e−3 and from 1e6. Whole numbers up to 10 stay whole. */
export const numberText = (value: number): string => {
  if (Number.isNaN(value)) return 'NaN';
  const size = Math.abs(value);
  const sign = value < 0 ? '−' : '';
  if (size === Number.POSITIVE_INFINITY) return `${sign}∞`;
  if (Number.isInteger(value) && size < 1e6) return `${sign}${grouped(size)}`;
  if (size < 1e-3 || size >= 1e6) {
    const [mantissa, exponent] = size.toExponential(1).split('e');
    return `${sign}${mantissa}e${exponent!.replace('+', '').replace('-', '−')}`;
  }
  if (size < 1e-2) return `${sign}${size.toPrecision(2).replace(/^0/, '')}`;
  if (size < 9.995) return `${sign}${size.toFixed(2).replace(/^0/, '')}`;
  return size < 99.95 ? `${sign}${size.toFixed(1)}` : `${sign}${grouped(Math.round(size))}`;
};

/** A share from 0 to 1 as `12 %`; less than one per cent but not nothing as `< 1 %`. */
export const shareText = (share: number): string => (share > 0 && share < 0.01 ? '< 1 %' : `${Math.round(share * 100)} %`);

const grouped = (whole: number): string => String(whole).replace(/\B(?=(\d{3})+$)/g, ',');
