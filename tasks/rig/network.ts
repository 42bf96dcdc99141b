/**
 * The network between the nodes: a cable from each to each, made of two datagram sockets in the run's folder. No port of the
 * host is used, nothing can collide, and a node may die without cutting off the others.
 */

/** One end of a cable. */
export interface Cable {
  readonly to: number;
  readonly mac: string;
  /** Sockets, relative to the run's folder, since the path of a socket is short (sun_path, unix(7)). */
  readonly local: string;
  readonly remote: string;
}

/** The cables of a node. Its interface for node N has an address that ends in N: the guest tells them apart by that. */
export function cablesOf(node: number, nodes: number): Cable[] {
  const others = Array.from({ length: nodes }, (_, index) => index + 1).filter((n) => n !== node);
  return others.map((to) => ({
    to,
    mac: `52:54:00:77:0${node}:0${to}`,
    local: `cable-${node}-${to}`,
    remote: `cable-${to}-${node}`,
  }));
}
