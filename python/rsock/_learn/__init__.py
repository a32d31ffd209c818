"""What runs the programs of a tutorial, and tells a learner what goes wrong in them."""
