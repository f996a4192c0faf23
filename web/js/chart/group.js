// The charts of one view look at the same stretch of x: a zoom in one is a zoom in all, and so is its end.

export class ChartGroup {
  zoom = null;         // {min, max} that the reader chose, or null: all there is
  #charts = new Set();
  static #count = 0;

  /** The name under which uPlot shares the crosshair. */
  sync = `group-${ChartGroup.#count++}`;

  add(chart) {
    this.#charts.add(chart);
  }

  remove(chart) {
    this.#charts.delete(chart);
  }

  /** Show [min, max] of x everywhere; null: all. */
  look(zoom) {
    if (zoom?.min === this.zoom?.min && zoom?.max === this.zoom?.max) return;
    this.zoom = zoom;
    for (const chart of this.#charts) chart.lookAgain();
  }
}
