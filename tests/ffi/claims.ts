/** What our files claim about C, as constant expressions with the value they should have. */
import type { FieldType, Layout } from "../../src/wire/layout.ts";
import { OURS, YOUNG } from "./headers.ts";

export interface Claim {
  /** A C constant expression. */
  readonly expression: string;
  readonly value: number;
  /** A macro without which the headers are too old to judge. */
  readonly guard?: string;
}

const UPPER_CASE = /^[A-Z][A-Z0-9_]*$/;
/** Fields of ours that stand for bytes which C names otherwise. */
const FILLER = /^(_|pad|rest|owners)/;

/** The claims of one module. */
export function claimsOf(exports: Readonly<Record<string, unknown>>): Claim[] {
  const { CONSTANTS = {}, STRUCTS = [], SIZES = {} } = exports as {
    CONSTANTS?: Readonly<Record<string, number>>;
    STRUCTS?: readonly Layout<string>[];
    SIZES?: Readonly<Record<string, number>>;
  };
  const plain = Object.entries(exports).filter((entry): entry is [string, number] =>
    UPPER_CASE.test(entry[0]) && typeof entry[1] === "number" && !OURS.has(entry[0])
  );
  return [
    ...[...plain, ...Object.entries(CONSTANTS)].map(([name, value]) => claim(name, name, value)),
    ...STRUCTS.flatMap(structClaims),
    ...Object.entries(SIZES).map(([type, value]) => claim(type, `sizeof(${type})`, value)),
  ];
}

function claim(subject: string, expression: string, value: number): Claim {
  return { expression, value, ...(subject in YOUNG ? { guard: YOUNG[subject] } : {}) };
}

function structClaims({ cName, size, at, fields }: Layout<string>): Claim[] {
  const named = Object.entries(fields).filter(([field]) => !FILLER.test(field));
  return [
    claim(cName, `sizeof(${cName})`, size),
    ...named.flatMap(([field, type]) => fieldClaims(cName, field, at[field], type)),
  ];
}

function fieldClaims(cName: string, field: string, offset: number, type: FieldType): Claim[] {
  const subject = `${cName}.${field}`;
  const member = `((${cName} *)0)->${field}`;
  const bytes = typeof type === "string" ? Number(type.slice(1)) / 8 : type[1];
  const sign = claim(subject, signExpression(member), type.toString().startsWith("i") ? 1 : 0);
  return [
    claim(subject, `offsetof(${cName}, ${field})`, offset),
    claim(subject, `sizeof(${member})`, bytes),
    ...(typeof type === "string" ? [sign] : []),
  ];
}

/** 1 for a signed integer, 0 for others and for pointers: class 1 of __builtin_classify_type is integers. */
function signExpression(member: string): string {
  const isInteger = `__builtin_classify_type(${member}) == 1`;
  return `__builtin_choose_expr(${isInteger}, (__typeof__(${member}))-1 < 1, 0)`;
}
