// Places the components of a graph in layers: who depends on others stands above them, and no line goes through a box.

const LOOPS = 6;

/**
 * Return the layers from top to bottom, and for each link the stations that it passes.
 * A link over several layers gets a station in each between, which takes a place of its own there.
 */
export function layers(ids, links) {
  const depth = depths(ids, links);
  const rows = Array.from({ length: Math.max(0, ...depth.values()) + 1 }, () => []);
  ids.forEach((id) => rows[depth.get(id)].push(id));
  const ways = links.map((link, number) => {
    const [from, to] = [depth.get(link.source), depth.get(link.target)];
    const way = [link.source];
    const by = Math.sign(to - from);
    for (let at = from + by; by && at !== to; at += by) {
      const station = `\u0000${number}/${at}`;
      rows[at].push(station);
      way.push(station);
    }
    return [...way, link.target];
  });
  return { rows: ordered(rows, ways), ways };
}

/** Return whether a place in a layer is a station of a link. */
export function isStation(id) {
  return id.startsWith("\u0000");
}

/** Return how deep each component is below those that nothing depends on; circles are cut where they close. */
function depths(ids, links) {
  const above = new Map(ids.map((id) => [id, []]));
  for (const { source, target } of links) above.get(target).push(source);
  const depth = new Map();
  const visit = (id, path) => {
    if (depth.has(id)) return depth.get(id);
    path.add(id);
    const found = above.get(id).filter((one) => !path.has(one)).map((one) => visit(one, path) + 1);
    path.delete(id);
    depth.set(id, Math.max(0, ...found));
    return depth.get(id);
  };
  ids.forEach((id) => visit(id, new Set()));
  return depth;
}

/** Return the layers with what belongs together one below the other: each by the middle of its neighbours, a few times. */
function ordered(rows, ways) {
  const beside = new Map(rows.flat().map((id) => [id, []]));
  for (const way of ways) {
    way.slice(1).forEach((id, at) => {
      beside.get(way[at]).push(id);
      beside.get(id).push(way[at]);
    });
  }
  let found = rows;
  for (let loop = 0; loop < LOOPS; loop++) {
    const place = new Map(found.flatMap((row) => row.map((id, at) => [id, (at + 0.5) / row.length])));
    const middle = (id) => {
      const near = beside.get(id).map((one) => place.get(one));
      return near.length ? near.reduce((sum, one) => sum + one, 0) / near.length : 2; // what stands alone stands last
    };
    found = found.map((row) => [...row].sort((a, b) => middle(a) - middle(b)));
  }
  return found;
}
