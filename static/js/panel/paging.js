// Going through a list page by page with cursors, those of the pages before kept to go back. Mixed into a component that has
// `refresh()`; the first cursor is the server's word for the beginning.

/** What a list of pages has beside its rows; `first` is the cursor of the first page. */
export const paging = (first) => ({
  next: null,
  cursors: [first],
  get cursor() {
    return this.cursors.at(-1);
  },
  toFirstPage() {
    this.cursors = [first];
  },
  get paged() {
    return this.cursors.length > 1 || this.next !== null;
  },
  get isFirst() {
    return this.cursors.length === 1;
  },
  get isLast() {
    return this.next === null;
  },
  former() {
    this.cursors = this.cursors.slice(0, -1);
    this.refresh();
  },
  following() {
    this.cursors = [...this.cursors, this.next];
    this.refresh();
  },
});
