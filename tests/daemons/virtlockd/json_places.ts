/** Places in a JSON value: members and items, by the keys that lead there. */
import type { Json } from "./handover_states.ts";

export type Place = readonly (string | number)[];

/** `daemon.servers.virtlockd.clients.0.sock` */
export function placeName(place: Place): string {
  return place.join(".");
}

/** Every place in a value but the value itself, outer ones first. */
export function* places(value: Json, at: Place = []): Generator<Place> {
  if (typeof value !== "object" || value === null) return;
  for (const key of Object.keys(value)) {
    const place = [...at, Array.isArray(value) ? Number(key) : key];
    yield place;
    yield* places(value[key], place);
  }
}

/** What is at a place that is there. */
export function valueAt(value: Json, place: Place): Json {
  return place.reduce((inner, key) => inner[key], value);
}

/** A copy with another value at a place, or, without a value, without the place. */
export function changed(value: Json, place: Place, ...values: [] | [Json]): Json {
  const copy = structuredClone(value);
  const last = place[place.length - 1];
  const holder = valueAt(copy, place.slice(0, -1));
  if (values.length > 0) holder[last] = values[0];
  else if (Array.isArray(holder)) holder.splice(Number(last), 1);
  else delete holder[last];
  return copy;
}
