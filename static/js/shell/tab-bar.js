// The bar of a phone has more pages than fit: the one at hand is where it can be seen.
const here = document.querySelector('.tabbar [aria-current="page"]');
if (here) here.parentElement.scrollLeft = here.offsetLeft - (here.parentElement.clientWidth - here.offsetWidth) / 2;
