// Writes examples/town.csv: what a growing town draws from its power station, hour by hour, over 26 weeks. Demand has a trend, the day, the week, and the cold;
// clouds dim the sun, fronts bring cold for some days. Meters fail now and then: their cells are empty.

import { chanceOf, writeExample } from './examples/chance.ts';

const WEEKS = 26;
const HOURS = WEEKS * 7 * 24;

const chance = chanceOf('town');
const wave = (hour: number, period: number, peak: number): number => Math.cos((2 * Math.PI * (hour - peak)) / period);

/** Each remembers where it was: its value falls back to 0 within about `hours`. */
function drifting(hours: number, deviation: number): () => number {
  const keep = Math.exp(-1 / hours);
  let value = 0;
  return () => {
    value = keep * value + Math.sqrt(1 - keep ** 2) * deviation * chance.normal();
    return value;
  };
}

const front = drifting(60, 4);
const clouds = drifting(18, 1);
const mood = drifting(5, 1.2);

/** A meter that fails for some hours. */
function meter(): (text: string) => string {
  let silent = 0;
  return (text) => {
    if (silent === 0 && chance.happens(0.001)) silent = chance.between(1, 8);
    if (silent === 0) return text;
    silent -= 1;
    return '';
  };
}
const [demandMeter, temperatureMeter, sunMeter] = [meter(), meter(), meter()];

const rows: string[] = [];
for (let hour = 0; hour < HOURS; hour += 1) {
  const day = Math.floor(hour / 24);
  const weekend = day % 7 >= 5;
  const cover = 1 / (1 + Math.exp(-1.5 * clouds()));
  const season = wave(day, 365, 200);
  const sun = Math.max(0, wave(hour, 24, 12.5) + 0.35 * season) * (1 - 0.75 * cover);
  const temperature = 9 + 9 * season + 3.5 * wave(hour, 24, 15) * (1.2 - cover) + front();
  const routine = weekend ? 4 * wave(hour, 24, 14) : 6 * wave(hour, 24, 14) + 5 * wave(hour, 12, 7.5) + 7;
  const heating = 0.9 * Math.max(0, 16 - temperature);
  const demand = 42 + 8 * (hour / HOURS) + routine + heating - 5 * sun + mood();
  const date = new Date(Date.UTC(2031, 0, 6, hour)).toISOString().slice(0, 16).replace('T', ' ');
  rows.push(
    [
      date,
      demandMeter(demand.toFixed(1)),
      temperatureMeter(temperature.toFixed(1)),
      sunMeter(sun.toFixed(2)),
      weekend ? '0' : '1',
      String(hour % 24),
    ].join(','),
  );
}
writeExample('town.csv', `time,demand,temperature,sun,workday,hour\n${rows.join('\n')}\n`);
