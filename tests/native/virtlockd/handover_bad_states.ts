/** Ways to spoil the state of a re-exec, each by commands of bash on the file $STATE. */

export interface BadState {
  /** Completes "a state ..." */
  readonly title: string;
  readonly damage: string;
  /** How the C daemon ends, unless with exit code 3. */
  readonly endsOriginal?: { readonly signal: string } | { readonly code: number };
}

/** The text up to `from` and after it is left as it is; GNU sed addresses. */
function within(from: string, to: string, substitution: string): string {
  return `sed -i '/${from}/,/${to}/${substitution}' $STATE`;
}

function everywhere(substitution: string): string {
  return `sed -i '${substitution}' $STATE`;
}

/** A state of this process without anything but these members. */
function bare(members: string): string {
  return `echo '{"magic":"'$$'",${members}}' >$STATE`;
}

const noLockspaces = `"defaultLockspace":{"resources":[]},"lockspaces":[]`;

export const badStates: readonly BadState[] = [
  { title: "that is empty", damage: ": >$STATE" },
  { title: "cut in the middle", damage: "truncate -s $(($(stat -c %s $STATE) / 2)) $STATE" },
  { title: "without its last brace", damage: "truncate -s -3 $STATE" },
  { title: "with something after it", damage: "echo '{}' >>$STATE" },
  { title: "that is no JSON", damage: "echo hello >$STATE" },
  { title: "that is a list", damage: "echo '[]' >$STATE" },
  { title: "of NUL bytes", damage: "head -c 4096 /dev/zero >$STATE" },
  { title: "without magic", damage: everywhere(`s/"magic"/"spell"/`) },
  { title: "with a number as magic", damage: everywhere(`s/"magic": "\\(.*\\)"/"magic": \\1/`) },
  { title: "without lockspaces", damage: everywhere(`s/"lockspaces"/"spaces"/`) },
  {
    title: "without a default lockspace",
    damage: everywhere(`s/"defaultLockspace"/"lockspace"/`),
  },
  { title: "with a number as lockHeld", damage: everywhere(`s/"lockHeld": true/"lockHeld": 1/`) },
  {
    title: "with a closed descriptor as a lock",
    damage: within(`"resources"`, `"owners"`, `s/"fd": [0-9]*/"fd": 9999/`),
  },
  {
    title: "with a text as a lock's descriptor",
    damage: within(`"resources"`, `"owners"`, `s/"fd": \\([0-9]*\\)/"fd": "\\1"/`),
  },
  {
    title: "with a closed descriptor as a listener",
    damage: within(`"socks"`, `}`, `s/"fd": [0-9]*/"fd": 9999/`),
  },
  {
    title: "with a closed descriptor as a client",
    damage: within(`"sock":`, `}`, `s/"fd": [0-9]*/"fd": 9999/`),
  },
  {
    title: "with a file where a client's socket should be",
    damage: `exec 77</dev/null; ${within(`"sock":`, `}`, `s/"fd": [0-9]*/"fd": 77/`)}`,
  },
  {
    title: "which names a resource twice",
    damage: everywhere(`s#"name": "/srv/b"#"name": "/srv/a"#`),
  },
  { title: "with an unknown server", damage: everywhere(`s/"admin": {/"other": {/`) },
  { title: "with a client that lacks a key", damage: everywhere(`s/"restricted"/"limited"/`) },
  {
    title: "with no server in the list of servers",
    damage: bare(`${noLockspaces},"daemon":{"servers":{}}`),
    endsOriginal: { signal: "SIGSEGV" },
  },
  {
    title: "with an empty daemon",
    damage: bare(`${noLockspaces},"daemon":{}`),
    endsOriginal: { signal: "SIGSEGV" },
  },
];
