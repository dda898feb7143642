import assert from 'node:assert/strict';
import type { Identity } from '../../src/shared/messages.ts';
import {
  type Appearance,
  colourAt,
  colourMap,
  HUES,
  inkOn,
  type Lab,
  labOfLinear,
  luminance,
  placeOf,
  type Rgb,
  rgbOf,
  STOPS,
  toLab,
  toLinear,
} from '../../webview/colour.ts';

const appearances: readonly Appearance[] = ['dark', 'light', 'contrast'];
const backgrounds = { dark: '#1f1f1f', light: '#ffffff', contrast: '#000000' };

const contrast = (a: Rgb, b: Rgb): number => {
  const [light, dark] = [Math.max(luminance(a), luminance(b)), Math.min(luminance(a), luminance(b))];
  return (light + 0.05) / (dark + 0.05);
};
const apart = (a: Lab, b: Lab): number => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

/** Complete colour blindness in linear light (Machado, Oliveira & Fernandes 2009, severity 1). */
const EYES = {
  normal: undefined,
  deuteranope: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  protanope: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  tritanope: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
} as const;

function seen(colour: Rgb, eye: (typeof EYES)[keyof typeof EYES]): Lab {
  if (eye === undefined) return toLab(colour);
  const light = toLinear(colour);
  const mixed = [0, 3, 6].map((row) => eye[row]! * light[0] + eye[row + 1]! * light[1] + eye[row + 2]! * light[2]);
  return labOfLinear(mixed.map((channel) => Math.max(0, Math.min(1, channel))) as unknown as Rgb);
}

describe('colour maps', () => {
  for (const appearance of appearances) {
    it(`${appearance}: pass through their stops`, () => {
      for (const name of ['gate', 'share', 'signed'] as const) {
        const stops = STOPS[appearance][name].split(' ');
        assert.equal(stops.length, 9);
        assert.deepEqual(colourMap(appearance, name)[0], rgbOf(stops[0]!));
        assert.deepEqual(colourMap(appearance, name)[255], rgbOf(stops[8]!));
        assert.ok(apart(toLab(colourAt(appearance, name, 0.5)), toLab(rgbOf(stops[4]!))) < 0.01);
      }
    });

    it(`${appearance}: gates and shares only get lighter, or only darker`, () => {
      for (const name of ['gate', 'share'] as const) {
        const lights = colourMap(appearance, name).map(luminance);
        const sign = appearance === 'light' ? -1 : 1;
        const breaks = lights.slice(1).filter((light, at) => (light - lights[at]!) * sign < -2e-3);
        assert.deepEqual(breaks, []);
      }
    });

    it(`${appearance}: a signed map has its two ends apart for all eyes, and zero next to the background`, () => {
      for (const [name, eye] of Object.entries(EYES)) {
        const at = (place: number) => seen(colourAt(appearance, 'signed', place), eye);
        assert.ok(apart(at(0), at(1)) >= 0.095, `${name} ends`);
        assert.ok(apart(at(0.25), at(0.75)) >= 0.2, `${name} halves`);
      }
      assert.ok(apart(toLab(colourAt(appearance, 'signed', 0.5)), toLab(rgbOf(backgrounds[appearance]))) < 0.06);
    });
  }

  it('put values where they belong', () => {
    assert.equal(placeOf(0.3, 'gate', 1, 0), 0.3);
    assert.equal(placeOf(-1, 'signed', 1, 0), 0);
    assert.equal(placeOf(0, 'signed', 50, 2), 0.5);
    assert.equal(placeOf(50, 'signed', 50, 2), 1);
    const soft = placeOf(2, 'signed', 50, 2);
    assert.ok(soft > 0.6 && soft < 0.7, String(soft));
  });

  it('are written on with ink that can be read', () => {
    for (const appearance of appearances)
      for (const name of ['gate', 'share', 'signed'] as const)
        for (const colour of colourMap(appearance, name))
          assert.ok(contrast(colour, inkOn(colour) === '#ffffff' ? [255, 255, 255] : [16, 16, 16]) >= 4.3);
  });
});

describe('hues of the lines', () => {
  // r stands in no cell together with i, o or c.
  const together: readonly (readonly Identity[])[] = [
    ['forget', 'store', 'candidate', 'output', 'cell', 'hidden'],
    ['reset', 'forget', 'candidate', 'hidden'],
  ];
  for (const appearance of appearances) {
    it(`${appearance}: are told apart by all eyes`, () => {
      for (const [name, eye] of Object.entries(EYES)) {
        for (const group of together) {
          group.forEach((one, index) => {
            for (const other of group.slice(index + 1)) {
              const distance = apart(seen(rgbOf(HUES[appearance][one]), eye), seen(rgbOf(HUES[appearance][other]), eye));
              assert.ok(distance >= 0.1, `${name}: ${one} and ${other} are ${distance.toFixed(3)} apart`);
            }
          });
        }
      }
    });

    it(`${appearance}: stand out from the background`, () => {
      for (const [identity, hue] of Object.entries(HUES[appearance])) {
        const ratio = contrast(rgbOf(hue), rgbOf(backgrounds[appearance]));
        assert.ok(ratio >= (appearance === 'contrast' ? 7 : 4.6), `${identity} ${ratio.toFixed(2)}`);
      }
    });
  }
});
