// Dates as people write them, to dates as machines do: small enough to read every row of attention. Weekdays are those of the dates.

import type { Random } from '../shared/random.ts';
import { below, oneOf, type Task } from './task.ts';

const months = 'january february march april may june july august september october november december'.split(' ');
const weekdays = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ');

/** In the order of their code points, as vocabularies are. */
const letters = Array.from(" ',-./0123456789abcdefghijklmnopqrstuvwxyz");
const digits = Array.from('-0123456789');

const [FIRST, LAST] = [Date.UTC(1900, 0, 1), Date.UTC(2099, 11, 31)];
const DAY = 86_400_000;

export const dates = (): Task => ({
  inputs: [
    { name: 'written', tokens: letters, by: 'char', width: 1, over: 'steps' },
    { name: 'date', tokens: digits, by: 'char', width: 1, over: 'steps' },
  ],
  lengths: [0, 0],
  varies: true,
  draw(chance) {
    const date = new Date(FIRST + DAY * below(chance, (LAST - FIRST) / DAY + 1));
    const ids = (text: string, tokens: readonly string[]): number[] => Array.from(text, (letter) => tokens.indexOf(letter));
    return [ids(written(date, chance), letters), ids(date.toISOString().slice(0, 10), digits)];
  },
});

/** One of the ways in which people write a date. With points the day comes first, with slashes the month. */
function written(date: Date, chance: Random): string {
  const [year, number, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  const [month, weekday] = [months[number]!, weekdays[date.getUTCDay()]!];
  const short = year >= 1950 && year < 2050 && chance.uniform() < 0.3 ? `'${two(year % 100)}` : `${year}`;
  return oneOf(chance, [
    () => `${weekday} ${day} ${month} ${year}`,
    () => `${weekday}, ${month} ${day}, ${year}`,
    () => `${weekday.slice(0, 3)} ${day} ${month.slice(0, 3)} ${year}`,
    () => `${day} ${month} ${short}`,
    () => `${month} ${day}, ${short}`,
    () => `${month.slice(0, 3)} ${day} ${short}`,
    () => `the ${ordinal(day)} of ${month} ${year}`,
    () => `${month} ${ordinal(day)}, ${year}`,
    () => `${day}-${month.slice(0, 3)}-${year}`,
    () => `${day}.${number + 1}.${year}`,
    () => `${two(day)}.${two(number + 1)}.${year}`,
    () => `${number + 1}/${day}/${year}`,
  ])();
}

const two = (value: number): string => `${value}`.padStart(2, '0');

function ordinal(day: number): string {
  const ending = day >= 11 && day <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][day % 10] ?? 'th');
  return `${day}${ending}`;
}
